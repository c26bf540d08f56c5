// What all parts of the page need of the document.

export const find = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

// A button that says in its tooltip which address it sends to, and asks before it does where `question` is given.
export function button(words, address, act, question = "") {
  const element = make("button", { type: "button", title: address }, words);
  element.addEventListener("click", () => {
    if (!question || confirm(question)) act();
  });
  return element;
}

export function notice(words) {
  find("notice").textContent = words;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => (find("notice").textContent = ""), 4000);
}
