// Many equal discs, stamped pixel by pixel into a layer: a canvas without a GPU takes ten times as long to draw as many
// pictures of one.

const OUTLINE = 1; // CSS pixels
const PLACES = 4; // each way within a pixel at which a disc has a picture of its own, so that it moves smoothly

function createLayer(width, height = width) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

class Dots {
  /** Discs of `radius` CSS pixels for a square of `size` device pixels; `outline` is a colour, or null for none. */
  constructor(size, radius, fill, outline, ratio) {
    this.size = size;
    this.reach = Math.ceil((radius + (outline ? OUTLINE : 0)) * ratio) + 1;
    // Discs that lie across the border are stamped whole, and their outer part is not shown.
    this.margin = 2 * this.reach;
    this.stride = size + 2 * this.margin;
    this.layer = createLayer(size);
    this.context = this.layer.getContext("2d");
    this.image = this.context.createImageData(this.stride, this.stride);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.pictures = this.draw(radius * ratio, fill, outline, OUTLINE * ratio);
  }

  /** The disc at each place in a pixel: which pixels it covers, from that one on, and their colours. */
  draw(radius, fill, outline, border) {
    const { reach, stride } = this;
    const width = 2 * reach + 1;
    const context = createLayer(PLACES * width).getContext("2d", { willReadFrequently: true });
    const disc = (x, y, r, colour) => {
      context.fillStyle = colour;
      context.beginPath();
      context.arc(x, y, r, 0, 2 * Math.PI);
      context.fill();
    };
    const pictures = [];
    for (let place = 0; place < PLACES * PLACES; place++) {
      const [column, row] = [place % PLACES, Math.floor(place / PLACES)];
      const [left, top] = [column * width, row * width];
      const x = left + reach + column / PLACES;
      const y = top + reach + row / PLACES;
      if (outline) disc(x, y, radius + border, outline);
      disc(x, y, radius, fill);
      const colours = new Uint32Array(context.getImageData(left, top, width, width).data.buffer);
      const covered = [...colours.keys()].filter((i) => colours[i] >>> 24);
      pictures.push({
        offsets: Int32Array.from(covered, (i) => (Math.floor(i / width) - reach) * stride + (i % width) - reach),
        colours: Uint32Array.from(covered, (i) => colours[i]),
      });
    }
    return pictures;
  }

  /** Draws discs at `points`, x and y in turn: the origin is in the middle, y goes up, a unit has `scale` pixels. */
  stamp(context, points, scale) {
    const { image, layer, margin, pictures, pixels, reach, size, stride } = this;
    const [start, end] = [-reach * PLACES, (size + reach) * PLACES];
    pixels.fill(0);
    for (let i = 0; i < points.length; i += 2) {
      const x = Math.round((size / 2 + points[i] * scale) * PLACES);
      const y = Math.round((size / 2 - points[i + 1] * scale) * PLACES);
      if (!(x >= start && y >= start && x < end && y < end)) continue;
      const column = Math.floor(x / PLACES);
      const row = Math.floor(y / PLACES);
      const { offsets, colours } = pictures[(y - row * PLACES) * PLACES + x - column * PLACES];
      const from = (row + margin) * stride + column + margin;
      for (let k = 0; k < offsets.length; k++) {
        const at = from + offsets[k];
        const below = pixels[at];
        pixels[at] = below === 0 ? colours[k] : over(colours[k], below);
      }
    }
    this.context.putImageData(image, -margin, -margin, margin, margin, size, size);
    context.drawImage(layer, 0, 0);
  }
}

/** A pixel laid over another, both as in ImageData: 8 bits each of alpha, blue, green and red (Porter and Duff 1984). */
function over(top, below) {
  const opacity = top >>> 24;
  if (opacity === 255) return top;
  const kept = ((below >>> 24) * (255 - opacity)) / 255;
  const alpha = opacity + kept;
  const share = opacity / alpha;
  const blend = (shift) => {
    const from = (below >>> shift) & 255;
    return (from + (((top >>> shift) & 255) - from) * share + 0.5) << shift;
  };
  return ((alpha + 0.5) << 24) | blend(16) | blend(8) | blend(0);
}
