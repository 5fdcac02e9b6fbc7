"use strict";
// Where the pages get their data: here from the server that `infogap view` runs. An exported folder has
// exported_data.js in its place, with the same functions.

{
  async function ask(path, options = {}) {
    let response;
    try {
      response = await fetch(path, { credentials: "same-origin", ...options });
    } catch {
      throw new Error("The server does not answer: is `infogap view` still running?");
    }
    if (response.headers.get("content-type") !== "application/json") throw new Error(await response.text());
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  }

  const id = encodeURIComponent;
  let run = null;

  infogap.data = {
    run: () => {
      run ??= ask("api/run").catch((error) => {
        run = null; // asked again by the next page
        throw error;
      });
      return run;
    },
    stages: () => ask("api/stages"),
    traces: (filter, page) => {
      const query = new URLSearchParams(filter);
      query.set("page", page);
      return ask(`api/traces?${query}`);
    },
    neighbours: (filter, trace) => ask(`api/neighbours/${id(trace)}?${filter}`),
    task: (task) => ask(`api/task/${id(task)}`),
    taskOf: async (trace) => (await ask(`api/task-of/${id(trace)}`)).task_id,
    trace: (trace) => ask(`api/trace/${id(trace)}`),
    difference: (trace) => ask(`api/difference/${id(trace)}`),
    annotate: (trace, tag, note) => {
      run = null; // its tags may be others now
      return ask(`api/annotation/${id(trace)}`, { method: "PUT", body: JSON.stringify({ tag, note }) });
    },
  };
}
