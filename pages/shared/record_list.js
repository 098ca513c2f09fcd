// Draws a list of records. Every text arrives as data and is set as text, never as HTML.
export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const list = parentElement.querySelector(".list");
  const labels = data.labels ?? [];
  const steps = stepQueue(list, data.taken, setStateValue);
  const pending = new Map(steps.pending.map((step) => [step.row, labels.find((l) => l.id === step.label)]));

  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const chip = (name, color) => {
    const element = make("span", name ? "chip" : "chip open", name ?? "unlabelled");
    element.style.borderColor = color;
    element.style.background = color + "26";
    return element;
  };

  const line = (item) => {
    const row = make("div", "row");
    row.dataset.row = item.row;
    const head = make("div", "head");
    if (item.rank) head.append(make("span", "rank", item.rank.toLocaleString("en-US")));
    if (item.cosine !== null) head.append(make("span", "cosine", item.cosine));
    const given = pending.get(item.row); // shown at once, before the server has answered
    let current = given ? chip(given.name, given.color) : chip(item.label, item.color);
    head.append(current);
    if (data.can_label) {
      const keys = make("span", "keys");
      for (const label of labels) {
        const button = make("button", "key", label.key);
        button.type = "button";
        button.dataset.tip = label.name;
        button.setAttribute("aria-label", `Label this record ${label.name}`);
        button.style.setProperty("--label", label.color);
        if (label.name === item.label) button.classList.add("on");
        button.onclick = () => {
          const now = chip(label.name, label.color);
          current.replaceWith(now);
          current = now;
          steps.push({ row: item.row, label: label.id });
          button.blur(); // so that the next hotkey is the page's again
        };
        keys.append(button);
      }
      head.append(keys);
    }
    if (item.mark) {
      const mark = make("span", `mark ${item.tone}`);
      mark.append(make("b", "", item.mark), document.createTextNode(item.elsewhere));
      mark.title = item.mark_title;
      head.append(mark);
    }
    const text = make("button", "text", item.text);
    text.type = "button";
    text.title = data.open_title;
    text.onclick = () => {
      list.getRootNode().host?.closest('[data-testid="stMain"]')?.scrollTo(0, 0); // what opens is on top
      setTriggerValue("open", item.row);
    };
    row.append(head, text);
    row.onmouseenter = () => point(item.row);
    row.onmouseleave = () => point(null);
    return row;
  };

  // The same record is joined by colour in every list of the page.
  const point = (row) => document.dispatchEvent(new CustomEvent("embtune:point", { detail: row }));
  const joined = (event) => {
    for (const row of list.children) {
      row.classList.toggle("joined", event.detail !== null && row.dataset.row === String(event.detail));
    }
  };
  if (list.joined) document.removeEventListener("embtune:point", list.joined);
  list.joined = joined;
  document.addEventListener("embtune:point", joined);

  list.replaceChildren(...data.lines.map(line));
  return () => document.removeEventListener("embtune:point", joined);
}
