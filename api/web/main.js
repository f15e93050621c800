// Tawny's page: say it, see it, undo it. Plain ES modules, nothing to build; this file joins the parts.
//
//   What it keeps                          What it shows and hears
//     album.js      pictures, versions       editor.js        the open picture, its buttons, progress
//     versions.js   undo and redo, pure        stage.js         draws; view.js is where on the screen
//     mask.js       where it may change        gestures.js      pointers, wheel, keys
//     shape.js      the mask follows           mask_tools.js    brush, eraser, rectangle, lasso, tap
//     storage.js    IndexedDB                  compare.js       before and after
//     photo.js      decode, thumbnails         filmstrip.js     versions in a row
//                                            grid.js          all pictures, selection, retry
//   What it does                             command_bar.js   text; microphone.js the spoken word
//     work.js       plan, apply, retry       plan_chips.js    the plan; vocabulary.js its words
//     gateway.js    HTTP; event_stream.js    quick_edits.js, fine_tuning.js
//     intake.js     drop, paste, camera      machine_panel.js what runs where and why
//     downloads.js  files; zip.js            listening.js, speaking.js   the second tab
//                                            notices.js, key_dialog.js, element.js
//
// State flows one way: a gesture calls the album or the work, those say by an event what changed, and whoever shows it
// redraws. No module reaches into another one's elements.

import { Album } from './album.js';
import { CommandBar } from './command_bar.js';
import { connectTabs, Editor } from './editor.js';
import { byId } from './element.js';
import { Filmstrip } from './filmstrip.js';
import { FineTuning } from './fine_tuning.js';
import { onKeyNeeded } from './gateway.js';
import { Grid } from './grid.js';
import { readable, takeIn } from './intake.js';
import { askForKey } from './key_dialog.js';
import { Listening } from './listening.js';
import { MachinePanel } from './machine_panel.js';
import * as notices from './notices.js';
import { PlanChips } from './plan_chips.js';
import { buildQuickEdits } from './quick_edits.js';
import { Speaking } from './speaking.js';
import * as storage from './storage.js';
import { Work } from './work.js';

async function addAll(album, files) {
  const added = [];
  for (const file of files) {
    try {
      const name = file.name && file.name !== 'image.png' ? file.name : `pasted-${album.items.length + 1}.png`;
      added.push(await album.add(await readable(file), name));
    } catch (error) {
      notices.tell(`${file.name}: ${notices.sentence(error)}`);
    }
  }
  if (!added.length) return;
  storage.persist();
  if (album.items.length === 1) {
    await album.show(added[0].id);
    byId('command').focus({ preventScroll: true });
    return;
  }
  // What just came is what a person wants to work on.
  await album.select(added.map(({ id }) => id));
  if (added.length === 1) await album.show(added[0].id);
  else await album.showAll();
  album.say('items');
}

async function start() {
  onKeyNeeded(askForKey);
  const album = new Album();
  const tuning = new FineTuning(album);
  const work = new Work(album, tuning);
  const trouble = (error, again = null) => notices.tellError(error, { again, paint: () => editor.maskTools.toggle(true) });
  const editor = new Editor(album, work, { trouble });
  const command = new CommandBar(album, work, { trouble });
  new Filmstrip(album, work);
  new Grid(album, work);
  new PlanChips(album, work);
  buildQuickEdits(album, work);
  const machine = new MachinePanel();
  new Listening();
  const speaking = new Speaking();
  connectTabs((panel) => panel === 'sound' && speaking.prepare());

  album.addEventListener('trouble', ({ error }) => notices.tellUnwritten(error));
  work.addEventListener('trouble', ({ error }) => {
    const target = album.targets[0];
    trouble(error, () => (target?.job?.state === 'failed' ? work.retry(album.targets.filter(({ job }) => job?.state === 'failed')) : command.go()));
    machine.look();
  });
  work.addEventListener('done', ({ failures, count, lostMask }) => {
    notices.clear();
    machine.look();
    if (failures.length) notices.tell(`${failures.length} of ${count} pictures failed; each says why. The others are done.`);
    if (lostMask) notices.tell('The picture changed its shape in a way the painted area cannot follow, so it was cleared. Undo brings it back.', { kind: 'news' });
  });
  work.addEventListener('state', () => work.doing && notices.clear());

  takeIn((files) => addAll(album, files), (names) => notices.tell(`${names.join(', ')}: no picture. Drop JPEG, PNG, WebP or the like.`));

  await album.restore().catch((error) => notices.tellUnwritten(error));
  await tuning.restore();
  const interrupted = await work.restore();
  await command.restore();
  album.say('items', 'current', 'selection');
  work.say('plan');
  if (interrupted) {
    // A sentence that was not understood yet has no plan of its own: the one that is there belongs to the edit before.
    const again = interrupted === 'planning' ? () => command.go() : () => work.run();
    notices.tell('Reloading the page stopped the edit that was under way. Nothing is lost.', { kind: 'news', actions: [['Run it again', again]] });
  }
  document.documentElement.dataset.ready = 'true';
}

start();
