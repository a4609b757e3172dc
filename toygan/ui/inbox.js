// Hands messages of keyframes to the store, however they came.

const INBOX_KEPT = 40;

const toygan = (window.toygan ??= {});

/** It may come before the store is there: the inbox keeps what came. */
function hand(bytes) {
  const inbox = (toygan.inbox ??= []);
  inbox.push(bytes);
  if (inbox.length > INBOX_KEPT) inbox.shift();
  toygan.store?.drain();
}

/** Nothing to see, so it takes no place in the page's rhythm of gaps either. */
function hide(parentElement) {
  parentElement.closest?.(".stElementContainer")?.style.setProperty("display", "none");
}
