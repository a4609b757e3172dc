// One object for each element that Streamlit mounts a component on, for as long as that element lives.

/**
 * Makes or finds the object of `Kind` behind `component`, hands it the news, and gives Streamlit its clean-up. Without a
 * selector the object's root is the element itself.
 */
function mountOnce(component, selector, name, Kind) {
  const { parentElement } = component;
  const root = selector ? parentElement.querySelector(selector) : parentElement;
  const known = (toygan[name] ??= new WeakMap());
  if (known.get(parentElement)?.root !== root) {
    known.get(parentElement)?.destroy();
    known.set(parentElement, new Kind(root));
  }
  const mine = known.get(parentElement);
  mine.update(component);
  // Streamlit may call this while the element lives on: only what is really gone is taken down.
  return () => setTimeout(() => {
    if (!root.isConnected && known.get(parentElement) === mine) {
      mine.destroy();
      known.delete(parentElement);
    }
  });
}
