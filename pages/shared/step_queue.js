// Steps of a person that the server has not confirmed yet. The whole queue travels as one value, so that
// nothing is lost or overtaken when several steps are made before the server answers the first.
function stepQueue(holder, taken, setStateValue) {
  holder.queue ??= { client: Math.random().toString(36).slice(2), seq: 0, pending: [] };
  const queue = holder.queue;
  if (taken && taken.client === queue.client) {
    queue.pending = queue.pending.filter((step) => step.seq > taken.seq);
  }
  queue.push = (step) => {
    queue.seq += 1;
    queue.pending.push({ seq: queue.seq, ...step });
    setStateValue("steps", { client: queue.client, steps: [...queue.pending] });
  };
  return queue;
}
