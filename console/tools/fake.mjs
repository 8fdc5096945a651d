// A pretended altod for screenshots and for tests of the rooms: answers of the shape api/openapi.yaml gives, the same each time.
import { answerAccess, FILESPACE, filespaceVolume, RECORD } from './fake-access.mjs';
import { answerPlans, plansOf } from './fake-plans.mjs';

const DAY = 86_400_000;
const id = (kind, n) =>
  `01j${kind
    .padEnd(4, '0')
    .slice(0, 4)
    .replace(/[ilou]/g, 'x')}${String(n).padStart(19, '0')}`;
const GB = 1e9;
const TB = 1e12;

/** Always the same numbers between 0 and 1. */
function dice(seed) {
  let s = seed;
  return () => {
    s = (s * 1664525 + 1013904223) % 4294967296;
    return s / 4294967296;
  };
}

export function makeWorld(now = Date.now(), mood = 'full', as = 'operator') {
  const at = (ms) => new Date(now - ms).toISOString();
  const none = mood === 'empty';
  const many = mood === 'million';
  const names = [
    'Northlight Post',
    'Harbour Media',
    'Alpine Survey Ltd',
    'Rathaus Kleinstadt',
    'Donaudampfschifffahrtsgesellschaft Archivverwaltung',
    'Ōsaka Film',
    'Bureau d’études Garonne',
    'St Brigid’s Hospital',
  ];
  const customers = none
    ? []
    : names.map((name, i) => {
        const bytes = [84 * TB, 12.4 * TB, 3.1 * TB, 640 * GB, 41 * TB, 7 * TB, 900 * GB, 0][i];
        return {
          id: id('cst', i),
          name,
          created_at: at((400 - i) * DAY),
          version: 3,
          hosts: [3, 2, 1, 1, 4, 1, 1, 0][i],
          volumes: [4, 2, 1, 1, 5, 1, 1, 0][i],
          files: many ? 1_000_000 * (i + 1) : Math.round(bytes / 9e6),
          bytes,
          stub_files: Math.round(bytes / 14e6),
          stub_bytes: Math.round(bytes * 0.61),
          freed_bytes: Math.round(bytes * 0.6),
        };
      });
  const hosts = none
    ? []
    : [
        'media-01',
        'media-02',
        'winfile-berlin-very-long-name.northlight.example',
        'ingest',
        'nas-gateway',
      ].map((name, i) => ({
        id: id('hst', i),
        customer_id: id('cst', i < 3 ? 0 : 1),
        name,
        os: i === 2 ? 'windows' : 'linux',
        agent_version: i === 4 ? '0.0.9' : '0.1.0',
        state: ['online', 'online', 'online', 'offline', 'never'][i],
        last_seen_at: i === 4 ? null : at([4_000, 11_000, 9_000, 5 * 3_600_000][i]),
        enrolled_at: at((200 - i) * DAY),
        driver:
          i === 2
            ? {
                state: 'no_key',
                text: 'the filter driver has no licence key',
                next: 'alto-agent driver key --state DIR --key-file FILE',
                dll: 'C:/Program Files/Alto/FilterAPI.dll',
                flavour: 'cloudtier',
                product: 'CloudTier',
                version: '3.3.1.2',
                policy: 'fill',
                running: true,
                connected: false,
                has_key: false,
                timeout_s: 120,
                room_bytes: 100e9,
                held_bytes: 0,
                times_connected: 0,
                blocks: 0,
                files: 0,
                fills: 0,
                denied: 0,
                late: 0,
                odd: 0,
                told_at: at(9_000),
              }
            : null,
        version: 2,
      }));
  const shares = none
    ? []
    : [
        ['cold-a', 'smb://nas1.northlight.example/cold/northlight', 'ok', '', 100 * TB, 48.6 * TB],
        [
          'cold-b',
          'smb://nas2.northlight.example:1445/archive',
          'wrong_password',
          'The server refused the name or the password',
          null,
          null,
        ],
        ['tape-cache', 'file:///mnt/tapecache', 'full', '1.2 GB free, 2 GB are wanted', 20 * TB, 1.2 * GB],
        ['old', 'smb://10.2.0.9/old', 'unreachable', 'No answer from 10.2.0.9 within 10 s', 8 * TB, 3 * TB],
      ].map(([name, url, state, state_text, bytes_total, bytes_free], i) => ({
        id: id('shr', i),
        customer_id: id('cst', 0),
        name,
        url,
        user: url.startsWith('smb') ? 'NORTHLIGHT\\alto' : null,
        has_password: url.startsWith('smb'),
        state,
        state_text,
        bytes_total,
        bytes_free,
        checked_at: at((i + 1) * 700_000),
        created_at: at(180 * DAY),
        version: 5,
      }));
  const volumes = none
    ? []
    : [
        ['projects', '/srv/projects', 'ok', '', 61.4 * TB],
        [
          'scans',
          '/srv/scans',
          'tracked_only',
          'the file system has no extended attributes: it is walked, nothing is tiered',
          9.2 * TB,
        ],
        ['Editorial', 'D:\\Editorial\\Shared', 'ok', '', 12 * TB],
        [
          'ingest',
          '/srv/ingest/camera-cards',
          'unmarked',
          'mounted without the gate: stubs there read as zeros until it is mounted by mount.alto',
          1.4 * TB,
        ],
        ['new', '/srv/new', 'unknown', '', 0],
      ]
        .map(([name, path, state, state_text, bytes], i) => ({
          id: id('vxm', i),
          customer_id: id('cst', i === 3 ? 1 : 0),
          host_id: id('hst', [0, 1, 2, 3, 0][i]),
          share_id: i === 4 ? null : id('shr', i % 2),
          name,
          path,
          kind: i === 2 ? 'ntfs' : 'posix',
          way: {
            kind: i === 1 ? 'report' : 'stub',
            reasons: i === 1 ? ['Its file system has no extended attributes.'] : [],
          },
          state,
          state_text,
          files: many && i === 0 ? 1_284_551 : Math.round(bytes / 9e6),
          bytes,
          allocated: Math.round(bytes * 0.42),
          stub_files: i === 1 ? 0 : Math.round(bytes / 15e6),
          stub_bytes: i === 1 ? 0 : Math.round(bytes * 0.62),
          freed_bytes: i === 1 ? 0 : Math.round(bytes * 0.615),
          last_scan_at: i === 4 ? null : at((i + 1) * 5_000_000),
          bytes_total: i === 0 ? 90 * TB : 0,
          bytes_free: i === 0 ? 21 * TB : 0,
          space_at: i === 0 ? at(40_000) : null,
          created_at: at(170 * DAY),
          version: 9,
        }))
        .concat(filespaceVolume(at));
  const rules = none
    ? []
    : [
        ['Never touch open projects', 'path matches "/Active/**" or name like /^~\\$/', 'exclude', true],
        [
          'Masters after a quarter',
          'size >= 10MB and accessed older than 90d and ext in (mov, mxf, wav, r3d, braw) and not path matches "/Active/**"',
          'tier',
          true,
        ],
        ['All after two years', 'modified older than 2y', 'tier', true],
        ['Keep the catalogue', 'ext in (xml, aaf, edl)', 'pin', false],
      ].map(([name, where, action, enabled], i) => ({
        id: id('rvx', i),
        customer_id: id('cst', 0),
        volume_id: id('vxm', 0),
        share_id: i === 2 ? id('shr', 0) : null,
        name,
        where,
        action,
        position: i + 1,
        enabled,
        limit_files: i === 1 ? 50_000 : null,
        limit_bytes: null,
        version: 4,
        created_by: 'admin',
        created_at: at(120 * DAY),
        updated_at: at((i + 1) * 3 * DAY),
        schedule: i === 1 ? { cron: '0 20 * * 1-5', zone: 'Europe/Berlin' } : null,
        windows:
          i === 1
            ? { zone: 'Europe/Berlin', spans: [{ days: [1, 2, 3, 4, 5], from: '20:00', to: '06:00' }] }
            : null,
        limit_minutes: null,
        limit_error_percent: i === 1 ? 20 : null,
        start_used_percent: i === 1 ? 85 : null,
        stop_used_percent: i === 1 ? 75 : null,
        suspended:
          i === 2
            ? { at: at(2 * DAY), reason: 'limit', text: '22 % of the files of its last run failed' }
            : null,
        next_run_at: i === 1 ? at(-9 * 3_600_000) : null,
        last_run: i === 1 ? { job_id: id('jxb', 5), at: at(15 * 3_600_000), state: 'done' } : null,
      }));
  const job = (i, kind, state, total, done, refused, failed, text = '', pause = null) => ({
    id: id('jxb', i),
    customer_id: id('cst', 0),
    host_id: id('hst', 0),
    volume_id: kind === 'check_share' ? null : id('vxm', i % 3),
    rule_id: kind === 'tier' ? id('rvx', 1) : null,
    rule_version: kind === 'tier' ? 2 : null,
    pause,
    share_id: id('shr', i % 2),
    kind,
    state,
    total_files: total,
    total_bytes: total * 9e6,
    done_files: done,
    done_bytes: ['scan', 'reconcile'].includes(kind) ? 0 : done * 9e6,
    freed_bytes: kind === 'tier' ? done * 8.9e6 : 0,
    refused_files: refused,
    failed_files: failed,
    reconcile:
      kind === 'reconcile'
        ? {
            markers: done + refused + failed,
            adopted: 12,
            dropped: 3,
            finished: 0,
            alarms: failed,
            waiting: refused,
            unreadable: 0,
          }
        : null,
    scan:
      kind === 'scan' && state === 'done'
        ? { kind: 'increment', why: '', added: 12, changed: 140, gone: 3, moved: 1 }
        : null,
    reasons:
      kind === 'reconcile'
        ? [
            {
              reason: 'changed',
              code: 'io_error',
              files: 2,
              sample_path: '/Archive/2023/Harbour/master-07.mov',
            },
            { reason: 'must_wait', code: 'busy', files: refused, sample_path: '' },
          ]
        : refused
          ? [
              {
                reason: 'open_elsewhere',
                code: 'busy',
                files: Math.ceil(refused * 0.6),
                sample_path: '/Active/Edit/cut-12.mov',
              },
              {
                reason: 'saves_no_blocks',
                code: 'ok',
                files: Math.floor(refused * 0.4),
                sample_path:
                  '/Archive/2023/Harbour/a rather long folder name that goes on and on/notes and other things.txt',
              },
            ].concat(
              failed
                ? [
                    {
                      reason: '',
                      code: 'unreachable',
                      files: failed,
                      sample_path: '/Archive/2024/North/master.mov',
                    },
                  ]
                : [],
            )
          : [],
    text,
    created_by: i % 3 ? 'admin' : '',
    created_at: at(i * 2_700_000 + 60_000),
    started_at: state === 'queued' ? null : at(i * 2_700_000 + 58_000),
    ended_at: ['done', 'failed', 'cancelled'].includes(state) ? at(i * 2_700_000 + 5_000) : null,
    version: 7,
  });
  const jobs = none
    ? []
    : [
        job(0, 'tier', 'running', many ? 1_284_551 : 41_280, many ? 611_020 : 18_406, 212, 3),
        job(1, 'recall', 'queued', 64, 0, 0, 0),
        job(2, 'scan', 'done', 0, many ? 1_284_551 : 62_110, 0, 0),
        job(
          3,
          'tier',
          'suspended',
          9_000,
          2_150,
          40,
          480,
          'the share is full: goes on by itself when there is room',
        ),
        job(
          4,
          'check_share',
          'failed',
          0,
          0,
          0,
          0,
          'wrong password: the server refused the name or the password',
        ),
        job(5, 'tier', 'done', 12_800, 12_640, 160, 0),
        job(
          6,
          'reconcile',
          'done',
          1_840,
          1_834,
          4,
          2,
          '2 stubs do not fit their files: see what became of each, and decide what they shall be',
        ),
        job(7, 'tier', 'cancelled', 5_000, 1_204, 8, 0),
        job(8, 'tier', 'paused', 9_000, 2_150, 40, 0, 'The rule’s window is closed', {
          reason: 'window',
          until: at(-9 * 3_600_000),
          text: 'The rule’s window is closed',
        }),
        job(9, 'tier', 'failed', 800, 88, 0, 12, '12 of 100 files failed, the limit is 10 %', {
          reason: 'limit',
          until: null,
          text: '12 of 100 files failed, the limit is 10 %',
        }),
        job(10, 'recall', 'paused', 640, 31, 0, 0, 'Paused by admin', {
          reason: 'user',
          until: null,
          text: 'Paused by admin',
        }),
      ];
  const users = [
    ['admin', 'operator', null],
    ['m.leclerc', 'admin', id('cst', 0)],
    ['revision@rathaus.example', 'auditor', id('cst', 3)],
  ]
    .slice(0, none ? 1 : 3)
    .map(([name, role, customer_id], i) => ({
      id: id('xsr', i),
      name,
      role,
      customer_id: none ? null : customer_id,
      disabled: i === 2,
      created_at: at(300 * DAY),
      last_login_at: i === 2 ? null : at(i * DAY + 30_000),
      version: 2,
    }));
  const hash = (n) => n.toString(16).padStart(8, '7').repeat(8);
  const audit = none
    ? []
    : [
        'file.tier',
        'file.recall',
        'rule.change',
        'user.login',
        'share.change',
        'job.cancel',
        'host.enrol',
        'file.refuse',
        'volume.create',
        'audit.verify',
        'user.login_failed',
        'file.tier',
      ].map((act, i) => ({
        seq: 4_200 - i,
        id: id('evt', i),
        customer_id: id('cst', 0),
        at: at(i * i * 90_000 + 20_000),
        actor_type: [
          'host',
          'host',
          'user',
          'user',
          'user',
          'user',
          'host',
          'host',
          'user',
          'user',
          'system',
          'host',
        ][i],
        actor_id: null,
        actor_name: [
          'media-01',
          'media-01',
          'admin',
          'm.leclerc',
          'admin',
          'admin',
          'media-02',
          'media-01',
          'admin',
          'admin',
          '',
          'media-01',
        ][i],
        act,
        subject_type: act.split('.')[0],
        subject_id: act === 'file.recall' ? id('vxm', 0) : id('fxx', i),
        subject: act.startsWith('file')
          ? '/Archive/2023/Harbour/A001_C014_0412QR_001/sound/mix final 2 (copy).wav'
          : 'Masters after a quarter',
        code: act === 'user.login_failed' ? 'wrong_password' : 'ok',
        detail: {
          size: 48_000_000,
          freed: 47_996_928,
          job: id('jxb', 0),
          ...(act === 'file.recall'
            ? { took_ns: 412_000_000, process: 'Resolve', pid: 4711, uid: 1004 }
            : {}),
        },
        prev_hash: hash(4_199 - i),
        hash: hash(4_200 - i),
      }));
  const figures = none
    ? {
        files: 0,
        bytes: 0,
        allocated: 0,
        stub_files: 0,
        stub_bytes: 0,
        freed_bytes: 0,
        hosts: 0,
        hosts_online: 0,
        volumes: 0,
        shares: 0,
        jobs_running: 0,
        recalls_24h: 0,
        tiered_24h: 0,
        errors_24h: 0,
      }
    : {
        files: many ? 36_000_000 : 8_412_006,
        bytes: 149.2 * TB,
        allocated: 58.9 * TB,
        stub_files: 5_120_400,
        stub_bytes: 90.8 * TB,
        freed_bytes: 90.3 * TB,
        hosts: 5,
        hosts_online: 3,
        volumes: 5,
        shares: 4,
        jobs_running: 1,
        recalls_24h: 312,
        tiered_24h: 61_046,
        errors_24h: 3,
      };
  return {
    now,
    mood,
    as,
    at,
    ...plansOf(at, none),
    customers,
    hosts,
    shares,
    volumes,
    rules,
    jobs,
    users,
    audit,
    figures,
  };
}

/** Names that file systems allow and nobody wishes for. */
const ODD = [
  'odd\nname.mov',
  'odd\t\u0007bell.txt',
  'odd \u202Egnp.exe',
  `odd ${'ein-sehr-langer-Name-ohne-Leerzeichen_'.repeat(6)}.mov`,
  ` odd with blanks at both ends `,
  'odd \ud83c\udfac \u30d5\u30a3\u30eb\u30e0 \u0633\u062c\u0644.mov',
];

const EXT = ['mov', 'mxf', 'wav', 'jpg', 'tif', 'pdf', 'xlsx', 'txt'];

/** Entry n of a folder: folders first, then files. */
function entry(world, folder, n) {
  const random = dice(n * 7919 + folder.length * 31 + 1);
  const base = folder === '/' ? '' : folder;
  if (folder === '/Odd' && n < ODD.length)
    return { ...entry(world, '/Archive', n + 9), path: `${base}/${ODD[n]}`, name: ODD[n] };
  const folders = world.mood === 'million' ? 4 : 6;
  if (n < folders) {
    const name = ['Active', 'Archive', 'Documents', 'Photos', 'Scans', 'Übergabe'][n];
    return {
      path: `${base}/${name}`,
      name,
      type: 'folder',
      size: 0,
      allocated: 0,
      mtime_at: world.at(n * 9 * DAY),
      ctime_at: world.at(DAY),
      btime_at: null,
      accessed_at: null,
      state: 'resident',
      files: Math.round(random() * 90_000),
      bytes: Math.round(random() * 9 * TB),
    };
  }
  const name =
    n === folders
      ? 'A001_C014_0412QR_001 – Schnittliste größte Fassung, endgültig (Kopie) 2023-04-12 14.07.55.mov'
      : n === folders + 1
        ? 'caf\ufffd.txt'
        : `IMG_${String(n).padStart(7, '0')}.${EXT[Math.floor(random() * EXT.length)]}`;
  const size = Math.floor(random() ** 4 * 4e9);
  const stub = random() < 0.5;
  return {
    path: `${base}/${name}`,
    ...(n === folders + 1 ? { path_b64: btoa(`${base.replace(/[^\x20-\x7e]/g, '?')}/caf\xe9.txt`) } : {}),
    name,
    type: n === folders + 2 ? 'symlink' : 'file',
    size,
    allocated: stub ? 0 : Math.ceil(size / 4096) * 4096,
    mtime_at: world.at(random() * 900 * DAY),
    ctime_at: world.at(random() * 900 * DAY),
    btime_at: null,
    accessed_at: world.at(random() * 400 * DAY),
    accessed_source: 'walk',
    uid: 1000,
    gid: 1000,
    mode: 0o644,
    nlink: 1,
    ino: '8812345670012345',
    state: n === folders + 2 ? 'resident' : stub ? 'stub' : 'resident',
    object_id: stub ? id('xbj', n) : null,
  };
}

function files(world, query) {
  const folder = query.get('path') ?? '/';
  const all =
    world.mood === 'empty' ? 0 : folder === '/Odd' ? ODD.length : world.mood === 'million' ? 1_000_000 : 38;
  const from = Number(query.get('cursor') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  const items = [];
  for (let n = from; n < Math.min(all, from + limit); n++) items.push(entry(world, folder, n));
  return { items, next_cursor: from + limit < all ? String(from + limit) : null };
}

function series(world, query) {
  const metric = query.get('metric');
  const step_s = Number(query.get('step_s') || 1800);
  const random = dice(metric.length);
  const points = [];
  for (let n = 0; n <= 48 && world.mood !== 'empty'; n++) {
    const value =
      metric === 'bytes'
        ? 140 * TB + n * 0.19 * TB
        : metric === 'freed_bytes'
          ? 70 * TB + n * 0.42 * TB
          : metric === 'tiered_bytes'
            ? n % 24 > 15
              ? random() * 1.4 * TB
              : 0
            : random() < 0.4
              ? random() * 0.1 * TB
              : 0;
    points.push({ at: world.at((48 - n) * step_s * 1000), value: Math.round(value) });
  }
  return { metric, step_s, points };
}

function plan(world) {
  const sample = [];
  for (let n = 8; n < 48; n++) sample.push({ ...entry(world, '/Archive/2023', n), state: 'resident' });
  return {
    files: 412_806,
    bytes: 38.2 * TB,
    freed_bytes: 38.1 * TB,
    took_ms: 311.4,
    as_of_at: world.at(5_000_000),
    sample,
    refusals: [
      ['already_stub', 210_400, 20 * TB],
      ['open_elsewhere', 12, 90 * GB],
      ['hard_linked', 4, 2 * GB],
    ].map(([reason, n, bytes]) => ({ reason, files: n, bytes })),
    folders: [
      '/Archive/2023',
      '/Archive/2024/North',
      '/Archive/2021/A rather long name of a production with a subtitle',
      '/Scans',
    ].map((path, i) => ({
      path,
      files: 90_000 >> i,
      bytes: (12 * TB) >> 0 ? Math.round((12 * TB) / (i + 1)) : 0,
    })),
  };
}

const OUTCOMES = [
  ['tier', 'ok', ''],
  ['refuse', 'ok', 'open_elsewhere'],
  ['tier', 'unreachable', ''],
];
const RECONCILED = [
  ['adopt', 'ok', 'adopt'],
  ['drop_marker', 'ok', 'copied'],
  ['alarm', 'io_error', 'changed'],
];

const BAD = {
  type: 'about:blank',
  title: 'The server failed',
  status: 500,
  code: 'internal',
  detail: 'The inventory could not be read. It is in the log of altod under 01jqxyz.',
};

/** What the pretended server answers: {status, body}. */
export function answer(world, method, url, body) {
  const { pathname, searchParams: query } = new URL(url, 'http://localhost');
  const path = pathname.replace(/^\/api\/v1/, '');
  const ok = (b, status = 200) => ({ status, body: b });
  const user = { ...world.users[0], role: world.as };
  if (world.as !== 'operator') Object.assign(user, { name: world.as, customer_id: id('cst', 0) });
  const session = { user, csrf: 'c', expires_at: world.at(-DAY) };
  if (path === '/session')
    return method === 'DELETE' ? ok(null, 204) : ok(method === 'POST' ? { ...session, token: 't' } : session);
  if (world.mood === 'failing') return { status: 500, body: BAD };
  const [, noun, one, verb] = path.split('/');
  const told = answerAccess(world, method, path, query);
  if (told) return told;
  const more = answerPlans(world, entry, method, path, query, body);
  if (more) {
    // Of a filespace a plan and a file tell how far the record of accesses reaches.
    if (path === '/plan' && body?.volume_id === FILESPACE)
      Object.assign(more.body, {
        access_record: RECORD(world),
        held_for_access_record: {
          files: 1204,
          bytes: 4.2e10,
          covered_since_at: RECORD(world).covered_since_at,
        },
      });
    if (one === FILESPACE && verb === 'why') Object.assign(more.body, { access_record: RECORD(world) });
    return more;
  }
  if (path === '/figures') return ok(world.figures);
  if (path === '/series') return ok(series(world, query));
  if (path === '/audit/verify') return ok({ ok: true, events: 4_201, first_bad_seq: null });
  if (path === '/rules/check') {
    const bad = /XB/.exec(body?.where ?? '');
    return ok(
      bad
        ? {
            ok: false,
            canonical: null,
            error: { at: bad.index - 2, length: 4, message: 'is no size', expected: 'a size such as 10MB' },
          }
        : { ok: true, canonical: body.where, error: null },
    );
  }
  if (path === '/rules/preview' || verb === 'preview') return ok(plan(world));
  if (verb === 'enrol-tokens')
    return ok({ token: 'alto-enrol-7k2m9qx4w8v1c6t3r5y0b8n2d4f6h9j1', expires_at: world.at(-DAY) }, 201);
  if (noun === 'volumes' && verb === 'files') return ok(files(world, query));
  if (noun === 'volumes' && verb === 'file') return ok(entry(world, '/', 7));
  if (noun === 'jobs' && verb === 'outcomes') {
    const what = world.jobs.find((j) => j.id === one)?.kind === 'reconcile' ? RECONCILED : OUTCOMES;
    const items =
      world.mood === 'empty'
        ? []
        : Array.from({ length: 30 }, (_, n) => ({
            path: entry(world, '/Archive/2023/Harbour', n + 8).path,
            act: what[n % 3][0],
            code: what[n % 3][1],
            reason: what[n % 3][2],
            text: n % 3 === 2 ? 'no answer from nas1 within 10 s' : '',
            object_id: null,
            size: 4.8e7,
            freed: n % 3 ? 0 : 4.7e7,
            at: world.at(n * 3000),
          }));
    return ok({ items, next_cursor: null });
  }
  const list = world[noun];
  if (!Array.isArray(list))
    return {
      status: 404,
      body: { type: 'about:blank', title: 'There is no such route', status: 404, code: 'not_found' },
    };
  if (method === 'POST' && verb === 'reconcile')
    return ok(
      world.jobs.find((j) => j.kind === 'reconcile'),
      202,
    );
  if (method === 'POST' && verb === 'check') {
    const share = list.find((n) => n.id === one);
    if (share.state === 'unreachable')
      return {
        status: 409,
        body: {
          type: 'about:blank',
          title: 'Conflict',
          status: 409,
          code: 'conflict',
          detail:
            'no host of this customer is online to look at the share: start alto-agent on one, or enrol one (alto host token), then check again',
        },
      };
    const of = world.jobs.find((j) => j.kind === 'check_share');
    const good = share.state === 'ok';
    const mine = { ...of, id: `${of.id.slice(0, -1)}${good ? 'y' : 'z'}`, share_id: one };
    world.jobs.push({ ...mine, state: good ? 'done' : 'failed', text: good ? '' : of.text });
    return ok(world.jobs.at(-1), 202);
  }
  if (method === 'POST') return ok(world.jobs[0] ?? { ...list[0] }, 202);
  if (!one) {
    const text = (query.get('q') ?? '').toLowerCase();
    const customer = query.get('customer_id');
    const wanted = ['act', 'kind', 'state'].filter((k) => query.get(k));
    const items = list.filter(
      (n) =>
        wanted.every((k) => n[k] === query.get(k)) &&
        (!customer || n.customer_id === undefined || n.customer_id === customer) &&
        (n.name ?? n.subject ?? '').toLowerCase().includes(text),
    );
    return ok({ items, next_cursor: null });
  }
  // A world without nouns still has the one whose empty room is looked at.
  const found =
    list.find((n) => n.id === one) ??
    (world.mood === 'empty' ? makeWorld(world.now)[noun].find((n) => n.id === one) : undefined);
  if (!found)
    return { status: 404, body: { type: 'about:blank', title: 'Not found', status: 404, code: 'not_found' } };
  return method === 'DELETE'
    ? ok(null, 204)
    : ok(method === 'PATCH' ? { ...found, ...body, version: found.version + 1 } : found);
}
