// Round numbers for axes and contour lines.

/** 1, 2 or 5 times a power of ten, about the size asked for. */
function niceStep(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  const leading = size / power;
  return power * (leading < 1.5 ? 1 : leading < 3.5 ? 2 : leading < 7.5 ? 5 : 10);
}

/** The first round number at or after the last step: it stays for a while as the step grows, the same for every chart. */
function roundEnd(last) {
  const step = niceStep(Math.max(last, 5) / 5);
  return step * Math.ceil(last / step || 1);
}
