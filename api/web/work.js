// Makes changes happen: a sentence becomes a plan, a plan is applied to one picture or to many, one after the other.
// Knows the gateway and the album; says by events what a page should show: plan, state, trouble, done.

import * as gateway from './gateway.js';
import * as storage from './storage.js';
import { describeAll } from './vocabulary.js';

const TRIES = 5;

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('cancelled', 'AbortError'));
    });
  });
}

export class Work extends EventTarget {
  /** {command, operations, bases: {picture: version}, results: {picture: version}} or null. */
  plan = null;

  /** The voice that tells what was done to a single picture, or null. */
  voice = null;

  /** null, "planning" or "editing". */
  doing = null;

  constructor(album, tuning) {
    super();
    Object.assign(this, { album, tuning });
  }

  say(name, fields = {}) {
    this.dispatchEvent(Object.assign(new Event(name), fields));
  }

  /** Read the plan from before a reload; returns what was under way then: "planning", "editing" or null. */
  async restore() {
    this.plan = (await storage.get('page', 'plan')) ?? null;
    const interrupted = (await storage.get('page', 'working')) || null;
    if (interrupted) await this.album.keep([['page', 'working', null]]);
    return interrupted;
  }

  setPlan(plan) {
    this.plan = plan;
    this.say('plan');
    return this.album.keep([['page', 'plan', structuredClone(plan)]]);
  }

  /** Run `act` unless something runs; cancelling and errors end here. */
  async occupy(doing, act) {
    if (this.doing) return;
    this.controller = new AbortController();
    this.doing = doing;
    this.say('state');
    await this.album.keep([['page', 'working', doing]]);
    try {
      await act(this.controller.signal);
    } catch (error) {
      if (error.name !== 'AbortError') this.say('trouble', { error });
      else this.say('cancelled');
    } finally {
      this.doing = null;
      this.say('state');
      await this.album.keep([['page', 'working', null]]);
    }
  }

  cancel() {
    this.controller?.abort();
  }

  /** Do what a sentence says, or only plan it if the person wants to look first. */
  command(text) {
    return this.occupy('planning', async (signal) => {
      const { operations } = await gateway.plan(text, { signal });
      await this.setPlan({ command: text, operations, bases: {}, results: {} });
      if (!this.tuning.reviewing) await this.apply(signal);
    });
  }

  /** Apply operations that need no understanding. */
  async quick(operations) {
    if (this.doing) return;
    await this.setPlan({ command: null, operations, bases: {}, results: {} });
    await this.run();
  }

  /** Apply the plan (again) to what is open or selected. */
  run(targets = this.album.targets) {
    return this.occupy('editing', (signal) => this.apply(signal, targets));
  }

  /** Where an edit starts: running a plan again starts from where it started before. */
  baseFor(item) {
    const { bases, results } = this.plan;
    const head = this.album.head(item);
    if (results[item.id] === head.id) {
      return item.history.versions.find(({ id }) => id === bases[item.id]) ?? head;
    }
    return head;
  }

  async apply(signal, targets = this.album.targets) {
    this.doing = 'editing';
    this.say('state');
    const { plan, album } = this;
    await album.keep([['page', 'working', 'editing']]);
    // What fails stays on screen to be retried with its own plan, also when another command came in between.
    for (const item of targets) album.setJob(item, { state: 'waiting', plan });
    const failures = [];
    let lostMask = false;
    this.answer = null;
    for (const item of targets) {
      try {
        lostMask = (await this.applyTo(item, plan, signal, targets.length === 1)) || lostMask;
      } catch (error) {
        if (error.name === 'AbortError') {
          for (const each of targets) if (['waiting', 'running'].includes(each.job.state)) album.setJob(each, { state: 'cancelled', plan });
          throw error;
        }
        album.setJob(item, { state: 'failed', error, plan });
        failures.push(error);
        // The rest would fail in the same way, and each would keep its person waiting.
        if (['unreachable', 'invalid_api_key'].includes(error.code)) {
          for (const each of targets) if (each.job.state === 'waiting') album.setJob(each, { state: 'failed', error, plan });
          break;
        }
      }
    }
    await this.setPlan(this.plan);
    if (targets.length === 1 && failures.length) throw failures[0];
    const text = describeAll(plan.operations, 'done');
    this.say('done', { text, answer: this.answer, count: targets.length, failures, lostMask });
  }

  async applyTo(item, plan, signal, alone) {
    const { album } = this;
    const base = this.baseFor(item);
    const running = { state: 'running', plan, index: -1, fraction: null, step: 0, steps: 1, preview: null };
    album.setJob(item, { ...running });
    const mask = await album.loadMask(base);
    const request = {
      blob: await album.blob(base),
      operations: plan.operations,
      mask: mask && !mask.isEmpty ? await mask.toBlob() : null,
      options: { ...this.tuning.options(), answer_voice: alone ? this.voice : null },
      signal,
      tell: (told) => {
        if (told.progress) {
          const { step, steps, fraction, queue_position: ahead } = told.progress;
          // A step of 0 begins the next operation, unless it only tells who is before us.
          if (ahead === undefined && (step === 0 || running.index < 0)) running.index += 1;
          Object.assign(running, ahead === undefined ? { step, steps, fraction, ahead: 0 } : { ahead });
        } else if (told.answer) this.answer = told.answer;
        else if (told.preview) running.preview = URL.createObjectURL(told.preview);
        album.setJob(item, { ...running });
      },
    };
    const result = await this.patiently(() => gateway.edit(request), signal, item);
    const facts = { operations: result.operations, command: plan.command, seed: result.seed, devices: result.devices };
    const { version, lostMask } = await album.extend(item, base, result.blob, facts);
    plan.bases[item.id] = base.id;
    plan.results[item.id] = version.id;
    album.setJob(item, { state: 'done', plan });
    this.tuning.used(result.seed);
    return lostMask;
  }

  /** A full queue is no failure: wait as long as the gateway says and ask again. */
  async patiently(ask, signal, item) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask();
      } catch (error) {
        if (error.code !== 'busy' || tries === TRIES) throw error;
        this.album.setJob(item, { ...item.job, state: 'running', ahead: item.job.ahead || 1 });
        await pause(error.retryAfter ?? 5, signal);
      }
    }
  }

  /** Try again what failed, each with the plan it failed with. */
  retry(items) {
    return this.occupy('editing', async (signal) => {
      for (const plan of new Set(items.map((item) => item.job.plan))) {
        await this.setPlan(plan);
        await this.apply(signal, items.filter((item) => item.job?.plan === plan && item.job.state !== 'done'));
      }
    });
  }
}
