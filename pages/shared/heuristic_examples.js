// Draws the records a heuristic was tried on. Every text arrives as data and is set as text, never as HTML.
const WORD = /[\p{L}\p{N}_]+(?:['’\-][\p{L}\p{N}_]+)*/gu;

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".examples");
  const steps = stepQueue(root, data.taken, setStateValue);

  const make = (tag, className, ...inside) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...inside);
    return element;
  };
  const chip = (name, color) => {
    const element = make("span", "chip", name);
    element.style.setProperty("--label", color);
    return element;
  };
  // What is drawn may be older than this run: it finds the newest way back on the root.
  root.add = (term) => steps.push({ term, target: data.target });
  root.openRow = (row) => setTriggerValue("open", row);

  // Words can be clicked; what the heuristic found is marked, whatever words it cuts.
  const piece = (text, marked) => {
    if (!data.words) return marked ? [make("mark", "", text)] : [text];
    const parts = [];
    let at = 0;
    for (const match of text.matchAll(WORD)) {
      if (match.index > at) parts.push(gap(text.slice(at, match.index), marked));
      const word = make("span", marked ? "word marked" : "word", match[0]);
      word.title = marked ? data.off_title : data.on_title;
      word.onclick = () => {
        if (document.getSelection()?.toString().trim().includes(" ")) return; // a phrase is being chosen
        root.add(match[0]);
      };
      parts.push(word);
      at = match.index + match[0].length;
    }
    if (at < text.length) parts.push(gap(text.slice(at), marked));
    return parts;
  };
  const gap = (text, marked) => (marked ? make("mark", "", text) : text);

  const part = (one) => {
    const text = make("div", "text");
    if (one.name) text.append(make("span", "field", one.name));
    one.pieces.forEach((found, i) => found && text.append(...piece(found, i % 2 === 1)));
    return text;
  };

  const example = (one) => {
    const head = make("div", "head");
    if (one.label) {
      head.append(chip(one.label, one.color));
      if (one.sure) head.append(make("span", "quiet", one.sure));
    } else head.append(make("span", "quiet", "no vote"));
    if (one.manual) {
      if (one.right === true) head.append(make("span", "right", "✓ right"));
      else if (one.right === false) head.append(make("span", "wrong", "✗ wrong"), make("span", "quiet", "labelled"), chip(one.manual, one.manual_color));
      else head.append(make("span", "quiet", "labelled"), chip(one.manual, one.manual_color));
    }
    const open = make("button", "open", one.id);
    open.type = "button";
    open.title = "Open this record on Neighbors";
    open.onclick = () => root.openRow(one.row);
    head.append(open);
    const element = make("div", one.label ? "example voted" : "example", head, ...one.parts.map(part));
    element.style.setProperty("--label", one.color ?? "transparent");
    return element;
  };

  root.classList.toggle("words", !!data.words);
  // Drawn anew only where something changed: words that are being chosen stay chosen.
  const drawn = JSON.stringify([data.lines, data.words, data.on_title, data.off_title]);
  if (root.drawn !== drawn) {
    root.drawn = drawn;
    root.replaceChildren(...data.lines.map(example));
  }

  // Several words that are chosen with the mouse are a phrase.
  const chosen = (event) => {
    root.querySelector(".phrase")?.remove();
    if (!data.words) return;
    const selection = root.getRootNode().getSelection?.() ?? document.getSelection();
    const term = selection?.toString().replace(/\s+/g, " ").trim() ?? "";
    if (!term.includes(" ") || term.length > 200) return;
    const offer = make("button", "phrase", `Add “${term}”`);
    offer.type = "button";
    const box = root.getBoundingClientRect();
    offer.style.left = `${Math.min(Math.max(0, event.clientX - box.left - 40), Math.max(0, box.width - 220))}px`;
    offer.style.top = `${event.clientY - box.top + 12}px`;
    offer.onmouseup = (up) => up.stopPropagation();
    offer.onclick = () => {
      offer.remove();
      selection.removeAllRanges();
      root.add(term);
    };
    root.append(offer);
  };
  root.onmouseup = chosen;
}
