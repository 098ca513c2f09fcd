// The filter as a row of chips: each can be turned round or taken off; the word between them joins all of them.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".chips");
  const act = (what, at) => setTriggerValue("act", { what, at });

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children); // strings become text, never HTML
    return element;
  };
  const button = (className, title, onclick, text) => {
    const element = make("button", className, text);
    element.type = "button";
    element.title = title;
    element.setAttribute("aria-label", title);
    element.onclick = onclick;
    return element;
  };
  const word = (join, at) =>
    button("join", join === "all" ? "All must hold; click for: any of them" : "Any may hold; click for: all of them",
      () => act("join", at), join === "all" ? "and" : "or");

  const chip = (one, at) =>
    make(
      "span", one.negated ? "chip not" : "chip",
      button("words", `${one.words}. Click to turn it round`, () => act("negate", at), one.words),
      button("off", `Remove the filter: ${one.words}`, () => act("remove", at), "×"),
    );
  const joined = (parts, join, path) =>
    parts.flatMap((one, i) => {
      const at = [...path, i];
      const drawn = one.parts ? make("span", "group", ...joined(one.parts, one.join, at)) : chip(one, at);
      return i ? [word(join, path), drawn] : [drawn];
    });

  root.replaceChildren(...joined(data.parts, data.join, []));
  if (data.parts.length > 1) root.append(button("clear", "Remove all filters", () => act("clear", []), "Clear"));
}
