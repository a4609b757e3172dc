// Hands keyframes to the store. It may run before the store is there: the inbox keeps what came.

const INBOX_KEPT = 40;

export default function feed({ data, parentElement }) {
  const toygan = (window.toygan ??= {});
  const inbox = (toygan.inbox ??= []);
  // The default export also runs when the theme changes: the same bytes are handed over once.
  if (data?.byteLength && data !== toygan.lastFed) {
    toygan.lastFed = data;
    inbox.push(data);
    if (inbox.length > INBOX_KEPT) inbox.shift();
    toygan.store?.drain();
  }
  // Nothing to see, so it takes no place in the page's rhythm of gaps either.
  parentElement.closest?.(".stElementContainer")?.style.setProperty("display", "none");
}
