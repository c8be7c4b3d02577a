/** Makes an element. Texts become text, never markup: names of tools and servers are not to be trusted. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** An element of the page. */
export function byId(id) {
  return document.getElementById(id);
}

/** A name from elsewhere: it changes neither the direction nor the layout of what is around it, and breaks at its parts. */
export function nameElement(name) {
  const parts = name.split(/(?<=[/_.-])/).flatMap((part, index) => (index === 0 ? [part] : [element('wbr'), part]));
  return element('bdi', { class: 'name', title: name }, ...parts);
}

/** Sets a text or an attribute only where it changes, so that nothing is drawn or announced for nothing. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target, name, value) {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/** Puts `children` in this order into `parent`, and takes all others out; moves only what is out of place. */
export function arrange(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    const there = parent.children[index];
    if (there !== child) parent.insertBefore(child, there ?? null);
  });
}
