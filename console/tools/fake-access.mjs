// The part of the pretended altod (fake.mjs) that audit logs are asked of.
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ok = (body, status = 200) => ({ status, body });
export const FILESPACE = '01jvxm00000000000000000005';
const PEOPLE = [
  'mara.ito@example.com',
  'joe.ray@example.com',
  'lin.okoro@example.com',
  'render-svc',
  'kim.lund@example.com',
  '',
];
const NAMES = [
  'Ep 101/cam A/A001_C004.mov',
  'Ep 101/audio/mix_v12.wav',
  'Ep 102/proxies/scene 7 – neu.mp4',
  'Docs/budget 2027.xlsx',
  'Ep 103/renders/a very long name of a shot that somebody gave in a hurry and that goes on and on_v0044_final_final.mov',
];
const file = (n) => `/Shows/${NAMES[n % NAMES.length]}`;

const COUNTS = [
  ['lines', 'read', 'lines that were read', 1_284_551],
  ['events', 'read', 'lines that told of an event', 1_283_002],
  ['other', 'read', 'events of an action that is new to the agent', 12],
  ['clamped', 'read', 'events from the future, by a clock that is wrong', 0],
  ['outside', 'dropped', 'events outside of this volume', 4_100],
  ['own', 'dropped', 'events of the agent itself', 920],
  ['named', 'dropped', "events of people, hosts and nodes that the volume's settings name", 310_442],
  ['ignored_files', 'dropped', 'files among the logs whose names are not those of logs', 4],
  ['junk', 'skipped', 'no JSON object', 17],
  ['time', 'skipped', 'no timestamp, or one before 2000', 2],
  ['path', 'skipped', 'no path that can be one', 1],
  ['own', 'skipped', 'about the audit logs themselves', 90],
];

const TEXTS = {
  live: ['Audit logs are complete since 2026-08-20 08:30 UTC: no file counts as unused for longer', ''],
  denied: [
    'Audit logs may not be read since 2026-11-26 22:10 UTC: nothing is called cold',
    'Mount the filespace on the host as one of its administrators, and so that the agent may read the mount (--fuse-allow-other)',
  ],
  silent: [
    'Nobody writes to the audit logs since 2026-11-10 17:00 UTC, as if they were switched off: nothing is called cold',
    "Where people use the filespace, see whether the audit trail was switched off; where it is only quiet, raise the volume's silence_hours",
  ],
  untold: [
    'Nothing was told of the audit logs yet: nothing is called cold',
    'Enrol an agent on this volume’s host: none is there yet',
  ],
};

/** How it stands with one; world.access may name another state for tests. */
function brief(world, volume_id, state) {
  const live = state === 'live';
  const told = state !== 'untold';
  return {
    volume_id,
    state,
    stale: false,
    complete: live,
    text: TEXTS[state][0],
    next_step: TEXTS[state][1],
    since_at: told ? world.at(9 * DAY) : null,
    covered_since_at: told ? world.at(99 * DAY) : null,
    last_event_at: told ? world.at(live ? 4000 : 17 * DAY) : null,
    told_at: told ? world.at(12_000) : null,
    lag_s: told ? 12 : null,
    event_lag_s: told ? 4 : null,
    behind_bytes: live ? 18_432 : 0,
    nodes: { total: world.mood === 'million' ? 20_000 : 7, active: 5, behind: 2 },
  };
}

function whole(world) {
  const state = world.access ?? (world.mood === 'empty' ? 'untold' : 'live');
  const none = state === 'untold';
  return {
    ...brief(world, FILESPACE, state),
    ...(none ? { nodes: { total: 0, active: 0, behind: 0 } } : {}),
    root: none ? '' : '/media/northlight/shows',
    filespace: none ? '' : 'shows.northlight',
    filespace_uuid: none ? '' : '5f0c2f6e-0f6a-4d0a-8f4e-3a3b9d1e7c55',
    files: none ? 0 : 50_211,
    active_files: none ? 0 : 5,
    counts: COUNTS.map(([name, kind, text, count]) => ({ name, kind, text, count: none ? 0 : count })),
    rejected: 0,
    sample: none
      ? null
      : { why: 'junk', text: '{"timestamp":1789067746120345,"user":{"name":"mara.ito@example.com"},"ope' },
    samples: none
      ? []
      : [
          [
            'junk',
            'no JSON object',
            '3/2026/11/2026-11-26T14.00.00Z.log',
            184_220,
            40_000,
            '{"timestamp":1789067746120345,"user":{"name":"mara.ito@example.com"},"ope',
          ],
          [
            'junk',
            'no JSON object',
            '5/2026/11/odd\nname.log',
            0,
            7_200_000,
            '\u0000\u202Etxt.exe \ufffd\ufffd',
          ],
          [
            'time',
            'no timestamp, or one before 2000',
            '7/2026/11/2026-11-24T09.15.00Z.log',
            9_120,
            2 * DAY,
            '{"timestamp":0,"operation":{"action":"FileRead","entryPath":"/Shows/Ep 101/cam A/A001_C004.mov"}}',
          ],
          [
            'path',
            'no path that can be one',
            '7/2026/11/2026-11-24T09.15.00Z.log',
            12_007,
            2 * DAY,
            '{"timestamp":1789067746120345,"operation":{"action":"FileRead","entryPath":"../up"}}',
          ],
        ].map(([why, text, log, offset, ago, line]) => ({ why, text, log, offset, at: world.at(ago), line })),
    last_number: none ? 0 : 48_211,
  };
}

const row = (world, i) => {
  const kind = ['used', 'used', 'create', 'used', 'move', 'used', 'delete', 'used', 'pin'][i % 9];
  return {
    number: 48_211 - i,
    kind,
    path: i === 5 ? '/Odd/odd\nname.mov' : file(i),
    ...(kind === 'move' ? { target: `/Archive/${NAMES[i % NAMES.length]}` } : {}),
    at: world.at(i * i * 9000 + (i === 3 ? 2 * DAY : 0)),
    modified_at: null,
    arrived_at: world.at(i * i * 9000 - 1500),
    reads: kind === 'used' ? (i % 4) + 1 : 0,
    writes: kind === 'used' && i % 3 === 1 ? 1 : 0,
    user: PEOPLE[i % PEOPLE.length],
    host: `edit-bay-0${(i % 7) + 1}`,
    node: String((i % 7) + 1),
  };
};

function recent(world, query) {
  const before = Number(query.get('before') ?? Infinity);
  const after = Number(query.get('after') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  const asked = (name) => query.get(name);
  const all =
    world.mood === 'empty'
      ? []
      : Array.from({ length: world.mood === 'million' ? 3000 : 60 }, (_, i) => row(world, i));
  return {
    items: all
      .filter(
        (r) =>
          r.number < before &&
          r.number > after &&
          (!asked('path') || r.path === asked('path') || r.path.startsWith(`${asked('path')}/`)) &&
          ['user', 'host', 'kind'].every((k) => !asked(k) || r[k] === asked(k)),
      )
      .slice(0, limit),
  };
}

function top(world, query) {
  const by = query.get('by') ?? 'file';
  const most =
    world.mood === 'empty' ? 0 : world.mood === 'million' ? 1000 : by === 'file' || by === 'folder' ? 24 : 6;
  const what = (i) =>
    ({
      file: file(i) + (i < 5 ? '' : ` ${i}`),
      folder: `/Shows/Ep ${101 + i}`,
      user: PEOPLE[i] ?? `person ${i}`,
      host: `edit-bay-${String(i + 1).padStart(2, '0')}`,
    })[by];
  return {
    by,
    from_at: query.get('from') ?? world.at(7 * DAY),
    to_at: query.get('to') ?? world.at(0),
    items: Array.from({ length: Math.min(most, Number(query.get('limit') ?? 20)) }, (_, i) => ({
      what: what(i),
      reads: Math.round(10_350 / (i + 1)),
      writes: Math.round(700 / (i + 1)),
      files: by === 'file' ? 1 : 375 - i,
      last_at: world.at(i * 4_000_000 + 3000),
    })),
  };
}

function hours(world, query) {
  const from = Date.parse(query.get('from') ?? world.at(7 * DAY));
  const to = Date.parse(query.get('to') ?? world.at(0));
  const items = [];
  for (let ms = Math.floor(from / HOUR) * HOUR; ms < to && world.mood !== 'empty'; ms += HOUR) {
    const d = new Date(ms);
    const work = d.getUTCDay() % 6 !== 0 && d.getUTCHours() >= 7 && d.getUTCHours() < 19;
    const n = Math.round((work ? 900 : 14) * (1 + Math.sin(ms / HOUR) * 0.8));
    if (n > 4) items.push({ at: new Date(ms).toISOString(), reads: n, writes: Math.round(n / 14) });
  }
  return { from_at: new Date(from).toISOString(), to_at: new Date(to).toISOString(), items };
}

function nodes(world, query) {
  const many = world.mood === 'million' ? 20_000 : world.mood === 'empty' ? 0 : 7;
  const offset = Number(query.get('cursor') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  const items = [];
  for (let i = offset; i < Math.min(many, offset + limit); i++)
    items.push({
      node: String(i + 2),
      host: i === 6 ? '' : `edit-bay-${String(i + 2).padStart(2, '0')}`,
      user: PEOPLE[i % PEOPLE.length],
      active: i < 5,
      files: 455 - (i % 400),
      behind_bytes: [18_000_000, 18, 0][i] ?? 0,
      last_event_at: world.at(i * 700_000 + 4000),
      last_grown_at: world.at(i * 700_000 + 3000),
      told_at: world.at(12_000),
    });
  return { items, next_cursor: offset + limit < many ? String(offset + limit) : null, total: many };
}

export const filespaceVolume = (at) => ({
  id: FILESPACE,
  customer_id: '01jcst00000000000000000000',
  host_id: '01jhst00000000000000000000',
  share_id: '01jshr00000000000000000000',
  name: 'shows',
  path: '/media/northlight/shows',
  kind: 'lucidlink',
  state: 'tracked_only',
  state_text: 'a volume of kind lucidlink holds no stubs: it is walked, nothing is tiered',
  way: {
    kind: 'archive',
    reasons: ['Hosts without an agent may mount this filespace too; they would read zeros from stubs.'],
  },
  files: 812_004,
  bytes: 9.1e12,
  allocated: 9.1e12,
  stub_files: 0,
  stub_bytes: 0,
  freed_bytes: 0,
  last_scan_at: at(5_000_000),
  bytes_total: 0,
  bytes_free: 0,
  space_at: null,
  audit: {
    root: '',
    prehydrate: false,
    silence_hours: 168,
    drop_users: ['backup-svc'],
    drop_hosts: ['AV-SCAN-*'],
    drop_nodes: [],
    logs: [],
  },
  created_at: at(170 * DAY),
  version: 4,
});

export const RECORD = (world) => {
  const { state, complete, covered_since_at, text } = whole(world);
  return { state, complete, covered_since_at, text };
};

const mount = (path, more = {}) => ({
  path,
  type: 'fuse.lucid',
  source: 'lucid',
  filespace: '',
  filespace_uuid: '',
  instance: '',
  mode: '',
  lucidlink: true,
  mounted: true,
  named: false,
  logs: 'present',
  ...more,
});

/** What is mounted on a host: much on the first, nothing on the second, long ago on the fourth; the fifth never told. */
function filespaces(world, host) {
  const n = world.hosts.findIndex((h) => h.id === host);
  const some = [
    mount('/media/northlight/shows', { filespace: 'shows.northlight', named: true, instance: '501' }),
    mount('/media/northlight/commercials', { filespace: 'commercials.northlight', logs: 'denied' }),
    mount('/mnt/odd\nname', { logs: 'unknown' }),
    mount('/mnt/sshfs', { type: 'fuse.sshfs', source: 'nas:/', lucidlink: false, logs: 'absent' }),
    mount('', { filespace: 'away.northlight', mounted: false, named: true, logs: 'unknown' }),
  ];
  const items =
    n === 0
      ? some
      : n === 2
        ? [
            mount('C:\\Volumes\\northlight\\shows', {
              mounted: false,
              named: true,
              filespace: 'shows.northlight',
            }),
          ]
        : n === 3
          ? some.slice(0, 1)
          : [];
  return {
    host_id: host,
    told_at: n === 4 ? null : world.at(n === 3 ? 5 * HOUR : 20_000),
    found:
      n === 4
        ? null
        : { program: '', text: n === 0 ? 'there is no program lucid in PATH' : '', odd: 0, more: 0, items },
  };
}

/** Answers what is asked of audit logs; undefined: something else is asked. */
export function answerAccess(world, method, path, query) {
  if (path === '/access')
    return ok({
      items:
        world.mood === 'empty'
          ? []
          : ['denied', 'silent', 'untold', 'live'].map((state, i) => ({
              ...brief(world, i === 3 ? FILESPACE : `01jvxm000000000000000000${10 + i}`, state),
              customer_id: '01jcst00000000000000000000',
              host_id: '01jhst00000000000000000000',
              name: ['commercials', 'archive 2019', 'new space', 'shows'][i],
            })),
      next_cursor: null,
      total: world.mood === 'empty' ? 0 : 4,
    });
  const [, noun, one, access, what] = path.split('/');
  if (noun === 'hosts' && access === 'filespaces') return ok(filespaces(world, one));
  if (noun !== 'volumes' || one !== FILESPACE) return undefined;
  // It is there in an empty world too: a filespace of which nothing was told.
  if (method === 'GET' && access === undefined) {
    const kept = world.volumes.find((v) => v.id === one);
    return ok(kept ?? filespaceVolume(world.at));
  }
  if (access !== 'access') return undefined;
  const answers = { recent, top, hours, nodes };
  return ok(what ? answers[what](world, query) : whole(world));
}
