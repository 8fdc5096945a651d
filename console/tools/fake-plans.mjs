// The part of the pretended altod (fake.mjs) that imports, plans, figures and schedules are asked of.
const DAY = 86_400_000;
const GB = 1e9;
const TB = 1e12;
const ok = (body, status = 200) => ({ status, body });
const missing = {
  status: 404,
  body: { type: 'about:blank', title: 'Not found', status: 404, code: 'not_found' },
};
const id = (kind, n) => `01j${kind}${String(n).padStart(19, '0')}`;
const VOLUME = '01jvxm00000000000000000000';

const AGES = [
  [0, 7],
  [7, 30],
  [30, 90],
  [90, 180],
  [180, 365],
  [365, 730],
  [730, 1825],
  [1825, null],
];
const SIZES = [
  [0, 4096],
  [4096, 1 << 20],
  [1 << 20, 16 << 20],
  [16 << 20, 2 ** 30],
  [2 ** 30, 2 ** 34],
  [2 ** 34, null],
];
const part = (n, all) => Math.round(all * [0.03, 0.05, 0.09, 0.12, 0.19, 0.26, 0.19, 0.07][n % 8]);
const ageBuckets = (bytes, files, from = 0, stub = 0) =>
  AGES.map(([a, b], i) => ({
    from_s: a * 86_400,
    to_s: b === null ? null : b * 86_400,
    files: i < from ? 0 : part(i, files),
    bytes: i < from ? 0 : part(i, bytes),
    ...(stub ? { stub_files: part(i, files * stub), stub_bytes: i > 2 ? part(i, bytes * stub) : 0 } : {}),
  }));
const sizeBuckets = (bytes, files, stub = 0) =>
  SIZES.map(([from, to], i) => {
    const here = Math.round(bytes * [0, 0.01, 0.07, 0.22, 0.42, 0.28][i]);
    return {
      from,
      to,
      files: Math.round(files * [0.2, 0.3, 0.3, 0.15, 0.04, 0.01][i]),
      bytes: here,
      ...(stub
        ? { stub_files: Math.round(files * 0.05), stub_bytes: i > 1 ? Math.round((here * stub * i) / 5) : 0 }
        : {}),
    };
  });
const groups = (names, bytes, files, stub) =>
  names.map((name, i) => ({
    name,
    files: Math.round(files / 2 ** (i + 1)),
    bytes: Math.round(bytes / 2 ** (i + 1)),
    allocated: Math.round(bytes / 2 ** (i + 2)),
    ...(stub ? { stub_files: 10, stub_bytes: Math.round((bytes / 2 ** (i + 1)) * stub) } : {}),
  }));
const EXTS = ['mov', 'mxf', 'r3d', 'wav', 'tif', 'psd', '', 'pdf'];
const OWNERS = ['m.leclerc', 'ingest', 'archive', '1004', 'svc-render'];

export function plansOf(at, none) {
  const options = {
    format: 'csv',
    encoding: 'utf-8',
    compression: 'gzip',
    dates: 'iso',
    header: 'yes',
    mode: 'replace',
    delimiter: ',',
    zone_minutes: 0,
    refused_percent_max: 50,
    root: 'D:\\Projects',
  };
  const look = {
    made_by: 'PowerShell',
    options,
    columns: [
      ['FullName', 'path', 'Windows paths'],
      ['Length', 'size', 'bytes'],
      ['LastWriteTime', 'modified', 'US dates, 12 hours'],
      ['LastAccessTime', 'accessed', 'US dates, 12 hours'],
      ['CreationTime', 'created', 'US dates, 12 hours'],
      ['Attributes', 'attributes', 'names'],
      ['PSIsContainer', 'type', 'True and False'],
      ['VersionInfo', null, ''],
    ].map(([name, field, reads_as]) => ({ name, field, guessed: true, reads_as })),
    rows: Array.from({ length: 12 }, (_, n) => [
      `D:\\Projects\\2023\\Harbour\\A001_C0${n + 10}_0412QR\\A001_C0${n + 10}.mov`,
      String(48_000_000 * (n + 1)),
      `4/${n + 1}/2023 2:07:55 PM`,
      `5/${n + 1}/2024 9:30:00 AM`,
      `4/${n + 1}/2023 1:00:00 PM`,
      n % 3 ? 'Archive' : 'ReadOnly, Archive',
      'False',
      'File:             D:\\Projects\\...',
    ]),
    rows_about: 4_120_000,
    bytes: 212_400_000,
    problem: null,
  };
  const base = (n, name, state, more) => ({
    id: id('xmp0', n),
    customer_id: id('cst0', 0),
    volume_id: VOLUME,
    name,
    state,
    size: 212_400_000,
    received: 212_400_000,
    options: {},
    look,
    phase: '',
    bytes_done: 0,
    rows: 0,
    refused: 0,
    rows_per_s: 0,
    result: null,
    code: 'ok',
    text: '',
    created_by: 'admin',
    created_at: at((n + 1) * 3_600_000),
    started_at: null,
    ended_at: null,
    version: 4,
    ...more,
  });
  const imports = none
    ? []
    : [
        base(0, 'projects-2026-11.csv.gz', 'ready', {}),
        base(1, 'nas-berlin.parquet', 'running', {
          phase: 'entries',
          bytes_done: 131_000_000,
          rows: 2_610_400,
          refused: 12,
          rows_per_s: 812_350.4,
          started_at: at(4_000),
        }),
        base(2, 'treesize-editorial.csv', 'done', {
          rows: 812_200,
          refused: 31,
          started_at: at(4_000_000),
          ended_at: at(3_997_200),
          result: {
            rows: 812_200,
            refused: 31,
            files: 760_100,
            folders: 52_000,
            others: 100,
            bytes: 18.2 * TB,
            added: 801_000,
            replaced: 11_000,
            evidence: 200,
            removed: 40,
            folders_made: 12,
          },
        }),
        base(3, 'archive.csv', 'uploading', { received: 80_000_000, look: null }),
        base(4, 'broken.csv.gz', 'failed', {
          code: 'corrupt',
          text: 'line 80,231: the gzip data ends in the middle; make the file again, or copy it again',
          started_at: at(9_000_000),
          ended_at: at(8_999_000),
        }),
        base(5, 'no-paths.csv', 'ready', {
          look: {
            ...look,
            made_by: '',
            columns: look.columns.map((c, i) => (i === 0 ? { ...c, name: 'Comment', field: null } : c)),
            problem: 'no column looks like a path: choose the one that is',
          },
        }),
      ];
  return { imports };
}

function planOf(world, entry, body) {
  const sample = [];
  for (let n = 8; n < 48; n++) sample.push({ ...entry(world, '/Archive/2023', n), state: 'resident' });
  const none = world.mood === 'empty' || /false/.test(body.where ?? '');
  return {
    files: none ? 0 : 412_806,
    bytes: none ? 0 : 38.2 * TB,
    freed_bytes: none ? 0 : 38.1 * TB,
    took_ms: 311.4,
    as_of_at: world.at(5_000_000),
    sample: none ? [] : sample,
    refusals: none
      ? []
      : [
          ['already_stub', 210_400, 20 * TB],
          ['open_elsewhere', 12, 90 * GB],
          ['hard_linked', 4, 2 * GB],
          ['saves_no_blocks', 30_120, 61e6],
        ].map(([reason, n, bytes]) => ({
          reason,
          files: n,
          bytes,
          sample: '/Archive/2023/Harbour/master-07.mov',
        })),
    folders: none
      ? []
      : [
          '/Archive/2023',
          '/Archive/2024/North',
          '/Archive/2021/A rather long name of a production with a subtitle',
          '/Scans',
        ].map((path, i) => ({ path, files: 90_000 >> i, bytes: Math.round((12 * TB) / (i + 1)) })),
    charts: {
      age: ageBuckets(none ? 0 : 38.2 * TB, 412_806, 3),
      size: sizeBuckets(none ? 0 : 38.2 * TB, 412_806),
      exts: none ? [] : groups(EXTS, 38.2 * TB, 412_806),
      owners: none ? [] : groups(OWNERS, 38.2 * TB, 412_806),
    },
    recalls: { days: body.history_days ?? 90, files: none ? 0 : 1_204, bytes: none ? 0 : 1.1 * TB },
    cost: none
      ? null
      : {
          currency: 'EUR',
          primary_month: '3810.00',
          tier_month: '571.50',
          saved_month: '3238.50',
          recalls: '11.00',
        },
    compare: body.compare
      ? {
          enter: { files: 12_400, bytes: 1.2 * TB, sample: sample.slice(0, 6) },
          leave: { files: 3, bytes: 9 * GB, sample: sample.slice(6, 9) },
          stay: { files: 400_406, bytes: 37 * TB },
        }
      : null,
  };
}

function figuresOf(world, entry) {
  const none = world.mood === 'empty';
  const files = none ? 0 : 6_822_222;
  const bytes = none ? 0 : 61.4 * TB;
  const list = (from) =>
    none ? [] : Array.from({ length: 20 }, (_, n) => entry(world, '/Archive/2023/Harbour', from + n));
  return {
    totals: {
      files,
      folders: none ? 0 : 91_204,
      bytes,
      allocated: bytes * 0.42,
      stub_files: Math.round(files * 0.6),
      stub_bytes: bytes * 0.61,
      freed_bytes: bytes * 0.6,
    },
    unknown_access: { files: none ? 0 : 1_204, bytes: none ? 0 : 2 * GB },
    imported_files: none ? 0 : 812_200,
    evidence: none ? {} : { walk: 5_900_000, import: 812_200, audit: 90_100, recall: 18_700 },
    age: ageBuckets(bytes, files, 0, 0.7),
    modified: ageBuckets(bytes, files, 0, 0.6),
    size: sizeBuckets(bytes, files, 0.9),
    ext: none ? [] : groups(EXTS, bytes, files, 0.6),
    owner: none ? [] : groups(OWNERS, bytes, files, 0.6),
    hottest: list(9),
    coldest: list(40),
    largest: list(80),
    duplicates: none
      ? []
      : Array.from({ length: 9 }, (_, n) => ({
          name: `A001_C0${n + 10}_0412QR_001.mov`,
          sample_path: `/Archive/2023/Harbour/A001/A001_C0${n + 10}_0412QR_001.mov`,
          size: 4.8e9 / (n + 1),
          files: n + 2,
          wasted_bytes: (4.8e9 / (n + 1)) * (n + 1),
        })),
    took_ms: 42.7,
  };
}

const FOLDERS = ['Archive', 'Active', 'Masters', 'Scans', 'Übergabe', 'Photos', 'Documents', 'tmp'];
function treeOf(world, query) {
  const path = query.get('folder') ?? '/';
  const depth = path === '/' ? 0 : path.split('/').length - 1;
  const none = world.mood === 'empty';
  const one = (p, name, bytes, n) => ({
    path: p,
    name,
    files: Math.round(bytes / 9e6),
    bytes,
    allocated: Math.round(bytes * 0.4),
    stub_files: Math.round(bytes / 20e6),
    stub_bytes: Math.round(bytes * [0.9, 0.1, 0.7, 0.4][n % 4]),
    folders: 40 >> depth,
    accessed_at: world.at((n + 1) * 9 * DAY),
    modified_at: world.at((n + 2) * 11 * DAY),
    unreadable: n === 5,
    has_children: depth < 3,
  });
  const all = none || depth > 3 ? 0 : 58;
  const from = Number(query.get('offset') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  const items = [];
  for (let n = from; n < Math.min(all, from + limit); n++) {
    const name = FOLDERS[n] ?? `Reel ${n}`;
    items.push(
      one(`${path === '/' ? '' : path}/${name}`, name, Math.round((24 * TB) / (n + 1) / 4 ** depth), n),
    );
  }
  const self = one(path, path.split('/').pop(), none ? 0 : Math.round((61.4 * TB) / 4 ** depth), 2);
  return { self: none ? { ...self, folders: 0 } : self, total: all, items };
}

function whyOf(world, entry, path) {
  const file = {
    ...entry(world, '/Archive/2023/Harbour', 30),
    path,
    name: path.split('/').pop(),
    state: 'stub',
  };
  const rules = world.rules.map((r, i) => ({
    id: r.id,
    name: r.name,
    action: r.action,
    where: r.where,
    enabled: r.enabled,
    matches: i === 3 ? null : i > 0,
    decides: i === 1,
  }));
  const event = (days, what, text, more) => ({
    at: world.at(days * DAY),
    what,
    text,
    by: '',
    code: '',
    reason: '',
    rule_id: null,
    rule_version: null,
    job_id: null,
    event_id: null,
    ...more,
  });
  return {
    file,
    decision: {
      action: 'tier',
      rule_id: rules[1]?.id ?? null,
      rule_name: rules[1]?.name ?? '',
      refusal: 'already_stub',
      text: '',
    },
    rules,
    timeline: [
      event(400, 'seen', 'by a scan', {}),
      event(320, 'accessed', 'by an imported list', { by: 'import' }),
      event(120, 'refuse', '', { reason: 'open_elsewhere', rule_id: rules[1]?.id ?? null, rule_version: 3 }),
      event(60, 'tier', '48 MB to cold-a', {
        by: 'media-01',
        rule_id: rules[1]?.id ?? null,
        rule_version: 4,
        job_id: '01jjxb00000000000000000000',
      }),
      event(12, 'recall', 'Photoshop.exe (4711) opened it', { by: 'media-01' }),
      event(3, 'tier', '48 MB to cold-a', {
        by: 'media-01',
        rule_id: rules[1]?.id ?? null,
        rule_version: 4,
      }),
    ],
  };
}

const TEMPLATES = [
  [
    'media',
    'Media untouched for 90 days',
    'Films, sound and pictures that nobody opened in a quarter.',
    'ext in (mov, mxf, mp4, wav) and accessed older than 90d',
  ],
  [
    'projects',
    'Everything after two years',
    'Whatever was not changed in two years.',
    'modified older than 2y and size >= 1MB',
  ],
  [
    'tmp',
    'Never temporary files',
    'Put it first: what it excludes no other rule takes.',
    'ext in (tmp, bak, lock) or path matches "**/.cache/**"',
  ],
];

/** The answer, or undefined where another part of the pretended server knows it. */
export function answerPlans(world, entry, method, path, query, body) {
  const [, noun, one, verb] = path.split('/');
  if (path === '/plan') return ok(planOf(world, entry, body));
  if (path === '/plan/count')
    return ok({
      files: Math.max(0, 412_806 - body.where.length * 1_013),
      bytes: Math.max(0, 38.2 * TB - body.where.length * 11 * GB),
      exact: !/like/.test(body.where),
      took_ms: 12,
    });
  if (path === '/plan/exports')
    return ok(
      {
        id: id('xpt0', 0),
        name: `plan.${body.format}`,
        rows: 412_806,
        bytes: 61e6,
        content_url: `/api/v1/exports/${id('xpt0', 0)}/content`,
      },
      201,
    );
  if (noun === 'customers' && verb === 'costs')
    return ok({
      currency: null,
      primary_tb_month: null,
      tier_tb_month: null,
      recall_gb: null,
      version: 0,
      ...(method === 'PUT' ? body : {}),
    });
  if (noun === 'volumes' && verb === 'figures') return ok(figuresOf(world, entry));
  if (path === '/figures/inventory') {
    const all = figuresOf(world, entry);
    const of = (list) => list.map((f) => ({ ...f, volume_id: world.volumes[0]?.id }));
    return ok({ ...all, volumes: world.volumes.length, coldest: of(all.coldest), largest: of(all.largest) });
  }
  if (noun === 'volumes' && verb === 'tree') return ok(treeOf(world, query));
  if (noun === 'volumes' && verb === 'growth')
    return ok({
      items:
        world.mood === 'empty'
          ? []
          : Array.from({ length: 90 }, (_, n) => ({
              day: world.at((90 - n) * DAY).slice(0, 10),
              files: 6_000_000 + n * 9_000,
              folders: 90_000,
              bytes: 54 * TB + n * 0.08 * TB,
              allocated: 30 * TB,
              stub_files: n * 40_000,
              stub_bytes: n * 0.4 * TB,
              freed_bytes: n * 0.39 * TB,
            })),
    });
  if (noun === 'volumes' && verb === 'why')
    return (query.get('path') ?? '').includes('nowhere')
      ? missing
      : ok(whyOf(world, entry, query.get('path') ?? '/caf\ufffd.txt'));
  if (noun === 'volumes' && verb === 'imports') {
    const made = {
      ...plansOf(world.at, false).imports[3],
      id: id('xmp0', 9),
      name: body.name,
      size: body.size,
      received: 0,
    };
    world.imports.unshift(made);
    return ok(made, 201);
  }
  if (path === '/rules/templates')
    return ok({
      items: TEMPLATES.map(([i, name, text, where]) => ({
        id: i,
        name,
        text,
        where,
        action: i === 'tmp' ? 'exclude' : 'tier',
      })),
    });
  if (path === '/rules/order') {
    body.ids.forEach((ruleId, i) => {
      const r = world.rules.find((x) => x.id === ruleId);
      if (r) r.position = i + 1;
    });
    world.rules.sort((a, b) => a.position - b.position);
    return ok({ items: world.rules });
  }
  if (path === '/rules/schedule')
    return ok(
      body.cron.trim().split(/\s+/).length === 5
        ? {
            ok: true,
            text: body.cron === '0 20 * * 1-5' ? 'at 20:00 on Monday to Friday' : `by ${body.cron}`,
            next: [1, 2, 3, 4, 5].map((n) => world.at(-n * DAY)),
            error: null,
          }
        : {
            ok: false,
            text: '',
            next: [],
            error: 'a cron expression has five fields: minute, hour, day of month, month, day of week',
          },
    );
  if (noun === 'rules' && verb === 'versions') {
    const r = world.rules.find((x) => x.id === one);
    if (!r) return ok({ items: [] });
    return ok({
      items: [4, 3, 2, 1].map((version) => ({
        ...r,
        version,
        at: world.at((5 - version) * 9 * DAY),
        by: version % 2 ? 'admin' : 'm.leclerc',
        where: version > 2 ? r.where : r.where.replace('10MB', '50MB').replace(', r3d, braw', ''),
        limit_files: version > 3 ? r.limit_files : null,
      })),
    });
  }
  if (noun === 'rules' && verb === 'clone')
    return ok({ ...world.rules[0], name: body.name, enabled: false }, 201);
  if (noun === 'rules' && verb === 'resume') {
    const r = world.rules.find((x) => x.id === one);
    r.suspended = null;
    return ok(r);
  }
  if (noun === 'hosts' && !one && method === 'POST')
    return ok(
      { ...world.hosts[0], id: id('hst0', 99), name: body.name, enrolled_at: null, state: 'never' },
      201,
    );
  if (noun === 'volumes' && !one && method === 'POST')
    return ok({ ...world.volumes[0], id: id('vxm0', 99), name: body.name, path: body.path }, 201);
  if (noun === 'imports' && one) {
    const i =
      world.imports.find((x) => x.id === one) ?? plansOf(world.at, false).imports.find((x) => x.id === one);
    if (!i) return missing;
    if (method === 'DELETE') return ok(null, 204);
    if (verb === 'content') {
      i.received = i.size;
      i.state = 'ready';
      i.look = plansOf(world.at, false).imports[0].look;
    }
    if (verb === 'look') {
      i.options = body.options ?? {};
      const map = i.options.map ?? {};
      i.look = {
        ...i.look,
        options: { ...i.look.options, ...i.options },
        columns: i.look.columns.map((c) => {
          const told = Object.entries(map).find(([, column]) => column === c.name);
          return i.options.map ? { ...c, field: told?.[0] ?? null, guessed: false } : c;
        }),
      };
      i.look.problem = i.look.columns.some((c) => c.field === 'path')
        ? null
        : 'no column looks like a path: choose the one that is';
      i.state = 'ready';
    }
    if (verb === 'run') i.state = 'running';
    if (verb === 'cancel') Object.assign(i, { state: 'cancelled', text: 'cancelled by admin' });
    i.version++;
    return ok(i, verb === 'run' ? 202 : 200);
  }
  return undefined;
}
