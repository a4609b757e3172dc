// Keyframes that come with the page, or by a fragment that reruns itself.

export default function feed({ data, parentElement }) {
  // The default export also runs when the theme changes: the same bytes are handed over once.
  if (data?.byteLength && data !== toygan.lastFed) {
    toygan.lastFed = data;
    hand(data);
  }
  hide(parentElement);
}
