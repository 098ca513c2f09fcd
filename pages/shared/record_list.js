// Draws a list of records. Every text arrives as data and is set as text, never as HTML.
const drawing = (shapes) =>
  `<svg viewBox="0 0 16 16" width="15" height="15" fill="none" stroke="currentColor" stroke-width="1.6"
    stroke-linecap="round" aria-hidden="true">${shapes}</svg>`;
const SIMILAR = drawing('<path d="M2.5 6.2c1.8-2 3.7-2 5.5-.6s3.7 1.4 5.5-.6M2.5 11c1.8-2 3.7-2 5.5-.6s3.7 1.4 5.5-.6"/>');
const DIFFERENT = drawing('<path d="M2.5 6h11M2.5 10.5h11M11 2.5 5 14"/>');

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const list = parentElement.querySelector(".list");
  const labels = data.labels ?? [];
  const steps = stepQueue(list, data.taken, setStateValue);
  const waiting = (name) => steps.pending.filter((step) => name in step);
  const pending = new Map(waiting("label").map((step) => [step.row, labels.find((l) => l.id === step.label)]));
  const anchor = data.judged_with ?? null;
  const judging = anchor !== null;

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

  // Similar, different, and "closer than": what was said shows at once, before the server has answered.
  const judge = (item) => {
    const group = make("span", "judge");
    const sent = waiting("score").findLast((step) => step.row === item.row && step.anchor === anchor);
    let score = sent ? sent.score : item.score;
    const tool = (name, what, shape, onclick) => {
      const button = make("button", `tool ${name}`);
      button.type = "button";
      button.dataset.tip = what;
      button.setAttribute("aria-label", what);
      button.innerHTML = shape; // one of the drawings above, or a word of ours
      button.onclick = (event) => {
        event.stopPropagation();
        onclick();
        button.blur();
      };
      group.append(button);
      return button;
    };
    const say = (value) => {
      score = score !== null && (score >= 0.5) === (value >= 0.5) ? null : value; // once more takes it back
      steps.push({ anchor, row: item.row, score });
      show();
    };
    const similar = tool("similar", "similar to the record above", SIMILAR, () => say(1));
    const different = tool("different", "different from the record above", DIFFERENT, () => say(0));
    const closer = tool("closer", "closer to the record above than …", "closer …", () =>
      choose(list.closer === item.row ? null : item.row),
    );
    const show = () => {
      similar.setAttribute("aria-pressed", score !== null && score >= 0.5);
      different.setAttribute("aria-pressed", score !== null && score < 0.5);
    };
    show();
    const n = item.closer_than + waiting("farther").filter((step) => step.closer === item.row).length;
    closer.setAttribute("aria-pressed", n > 0);
    if (n) closer.dataset.tip = `closer than ${n} other${n === 1 ? "" : "s"}; click to add one`;
    return group;
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
    if (judging) {
      const asked = make("span", "choose", "closer than … click the other one");
      asked.title = "Esc, or the same button again, leaves it";
      head.append(asked);
    }
    if (item.mark) {
      const mark = make("span", `mark ${item.tone}`);
      mark.append(make("b", "", item.mark), document.createTextNode(item.elsewhere));
      mark.title = item.mark_title;
      head.append(mark);
    }
    if (judging) head.append(judge(item));
    const text = make("button", "text", item.text);
    text.type = "button";
    text.title = data.open_title;
    text.onclick = () => {
      if (list.closer != null) return; // a click on the line then chooses it
      list.getRootNode().host?.closest('[data-testid="stMain"]')?.scrollTo(0, 0); // what opens is on top
      setTriggerValue("open", item.row);
    };
    row.append(head, text);
    row.onclick = () => {
      const closer = list.closer ?? null;
      if (closer === null || closer === item.row) return;
      steps.push({ anchor, closer, farther: item.row });
      choose(null);
    };
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

  // One line is closer than which other? While that is open, every list of the page waits for the answer.
  const choose = (row) => document.dispatchEvent(new CustomEvent("embtune:closer", { detail: { anchor, row } }));
  const choosing = (event) => {
    if (event.detail.anchor !== anchor) return;
    list.closer = event.detail.row;
    list.classList.toggle("choosing", list.closer !== null);
    for (const row of list.children) row.classList.toggle("chosen", row.dataset.row === String(list.closer));
  };
  const onKey = (event) => {
    if (event.key === "Escape" && (list.closer ?? null) !== null) choose(null);
  };
  if (list.choosing) document.removeEventListener("embtune:closer", list.choosing);
  if (list.onKey) document.removeEventListener("keydown", list.onKey);
  if (judging) {
    list.choosing = choosing;
    list.onKey = onKey;
    document.addEventListener("embtune:closer", choosing);
    document.addEventListener("keydown", onKey);
  }

  list.replaceChildren(...data.lines.map(line));
  if (judging) choosing({ detail: { anchor, row: list.anchor === anchor ? (list.closer ?? null) : null } });
  list.anchor = anchor;
  return () => {
    document.removeEventListener("embtune:point", joined);
    document.removeEventListener("embtune:closer", choosing);
    document.removeEventListener("keydown", onKey);
  };
}
