// Reads server-sent events from the body of a fetch, which EventSource cannot do for a POST.
// A picture is one line of many megabytes, so lines are gathered in pieces and joined once.
//
//   for await (const { name, data } of readEvents(response.body)) ...

/** Yield {name, data} for each event; data is parsed JSON. Comments and other fields are skipped. */
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pieces = [];
  let name = 'message';
  let data = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = value.split('\n');
      pieces.push(parts[0]);
      for (let index = 1; index < parts.length; index += 1) {
        const line = pieces.join('').replace(/\r$/, '');
        pieces = [parts[index]];
        if (line === '') {
          if (data.length) yield { name, data: JSON.parse(data.join('\n')) };
          name = 'message';
          data = [];
        } else if (line.startsWith('event:')) name = line.slice(6).trim();
        else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
      }
    }
  } finally {
    // Leaving early must close the connection: that is what stops the work on the other side.
    await reader.cancel().catch(() => {});
  }
}
