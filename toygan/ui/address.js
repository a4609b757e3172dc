// Keeps `step=` in the address bar, so that the link says which step is on the screen. Other parameters stay.

const ADDRESS_PAUSE = 1000; // ms between two changes while playing
const SCRUB_PAUSE = 200; // browsers refuse more than a few changes a second
const SECOND_LOOK = 800; // ms until the page, which sets its own parameters, has had its say

/** Back and forward lead to links; a link is read when a page is opened, so it is opened. */
function followHistory() {
  const { pathname } = location;
  addEventListener("popstate", () => {
    if (location.pathname === pathname && !location.hash) location.reload();
  });
}

function createAddress(isGone) {
  toygan.history ??= followHistory() ?? true;
  let step = null;
  let writtenAt = -Infinity;
  let timer = 0;
  let check = 0;

  function write() {
    clearTimeout(timer);
    timer = 0;
    if (step === null || isGone()) return;
    const others = location.search.slice(1).split("&").filter((part) => part && !/^step(=|$)/.test(part));
    if (step > 0) others.push(`step=${step}`);
    const search = others.length ? `?${others.join("&")}` : "";
    if (search === location.search) return;
    writtenAt = performance.now();
    history.replaceState(history.state, "", location.pathname + search + location.hash);
  }

  return {
    keep(shown, atOnce) {
      step = shown;
      const due = writtenAt + (atOnce ? SCRUB_PAUSE : ADDRESS_PAUSE) - performance.now();
      if (due <= 0) write();
      else if (!timer || atOnce) {
        clearTimeout(timer);
        timer = setTimeout(write, due);
      }
      if (!atOnce) return;
      clearTimeout(check);
      check = setTimeout(write, SECOND_LOOK);
    },

    /** Says nothing until the next `keep`. */
    forget() {
      step = null;
    },
  };
}
