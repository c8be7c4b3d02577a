/** Makes an element. Strings become text, never markup: names of tools and servers are not trusted. */
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

/** An untrusted name: isolated from the text direction around it, with line breaks at its parts. */
export function nameElement(name) {
  const parts = name.split(/(?<=[/_.-])/).flatMap((part, index) => (index === 0 ? [part] : [element('wbr'), part]));
  return element('bdi', { class: 'name', title: name }, ...parts);
}

/** Sets a text or an attribute only if it changes, to avoid needless redraws and announcements. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target, name, value) {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/** Makes `children` the children of `parent`, in this order. Moves only those that are out of place. */
export function arrange(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    const there = parent.children[index];
    if (there !== child) parent.insertBefore(child, there ?? null);
  });
}
