// What the console asks of imports, plans, figures and schedules, by hand until api/openapi.yaml has it: then these types go, and each function calls the typed client.
import {
  api,
  type FileEntry,
  type Host,
  type Job,
  must,
  type Rule,
  type Schemas,
  type Volume,
} from './client';
import type { PageOf } from './data';

type Query = Record<string, string | number | boolean | null | undefined>;
interface Asked {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Loose = Record<Method, (path: string, init: object) => Promise<{ data?: unknown; error?: unknown }>>;

function ask<T>(method: Method, path: string, { query, body, signal, headers }: Asked = {}): Promise<T> {
  const search = new URLSearchParams();
  for (const [k, v] of Object.entries(query ?? {}))
    if (v !== null && v !== undefined && v !== '') search.set(k, String(v));
  const text = search.toString();
  const raw = body instanceof Blob;
  return must(
    (api as unknown as Loose)[method](text ? `${path}?${text}` : path, {
      body,
      signal,
      headers: raw ? { ...headers, 'Content-Type': 'application/octet-stream' } : headers,
      ...(raw ? { bodySerializer: (b: unknown) => b } : {}),
    }) as Promise<{ data?: T; error?: unknown }>,
  );
}

// ---- hosts and volumes ----

export interface HostNew {
  customer_id?: string;
  name: string;
  os: 'linux' | 'windows';
}
export const addHost = (body: HostNew) => ask<Host>('POST', '/hosts', { body });
export type VolumeSpace = Volume & { bytes_total?: number; bytes_free?: number; space_at?: string | null };

// ---- imports ----

export const IMPORT_FIELDS = [
  'path',
  'folder',
  'name',
  'ext',
  'type',
  'size',
  'allocated',
  'modified',
  'accessed',
  'created',
  'changed',
  'owner',
  'group',
  'mode',
  'attributes',
  'inode',
  'links',
  'state',
] as const;
export type ImportField = (typeof IMPORT_FIELDS)[number];
export type ImportState = 'uploading' | 'ready' | 'running' | 'done' | 'failed' | 'cancelled';
export interface ImportOptions {
  format?: 'guess' | 'csv' | 'parquet';
  encoding?: 'guess' | 'utf-8' | 'utf-16le' | 'utf-16be' | 'cp1252';
  compression?: 'guess' | 'plain' | 'gzip' | 'zstd';
  dates?: 'guess' | 'iso' | 'us' | 'european';
  header?: 'guess' | 'yes' | 'no';
  mode?: 'replace' | 'add';
  delimiter?: string | null;
  zone_minutes?: number;
  refused_percent_max?: number;
  root?: string | null;
  root_b64?: string;
  map?: { [field: string]: string | null };
}
export interface ImportColumn {
  name: string;
  field: ImportField | null;
  guessed: boolean;
  reads_as: string;
}
export interface ImportLook {
  made_by: string;
  options: ImportOptions;
  columns: ImportColumn[];
  rows: string[][];
  rows_about: number;
  bytes: number;
  problem: string | null;
}
export interface ImportResult {
  rows: number;
  refused: number;
  files: number;
  folders: number;
  others: number;
  bytes: number;
  added: number;
  replaced: number;
  evidence: number;
  removed: number;
  folders_made: number;
}
export interface Import {
  id: string;
  customer_id: string;
  volume_id: string;
  name: string;
  state: ImportState;
  size: number;
  received: number;
  options: ImportOptions;
  /** Lists come without it. */
  look?: ImportLook | null;
  phase: string;
  bytes_done: number;
  rows: number;
  refused: number;
  rows_per_s: number;
  result: ImportResult | null;
  code: string | null;
  text: string;
  created_by: string;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  version: number;
}
export const CHUNK_BYTES = 8 << 20;
export const listImports = (query: Query) => ask<PageOf<Import>>('GET', '/imports', { query });
export const getImport = (id: string, signal?: AbortSignal) =>
  ask<Import>('GET', `/imports/${id}`, { signal });
export const addImport = (volume: string, body: { name: string; size: number; options?: ImportOptions }) =>
  ask<Import>('POST', `/volumes/${volume}/imports`, { body });
export const putContent = (id: string, offset: number, body: Blob, signal?: AbortSignal) =>
  ask<Import>('PUT', `/imports/${id}/content`, { query: { offset }, body, signal });
export const lookAgain = (id: string, options: ImportOptions) =>
  ask<Import>('POST', `/imports/${id}/look`, { body: { options } });
export const runImport = (id: string, options?: ImportOptions) =>
  ask<Import>('POST', `/imports/${id}/run`, { body: options ? { options } : {} });
export const cancelImport = (id: string) => ask<Import>('POST', `/imports/${id}/cancel`);
export const deleteImport = (id: string) => ask<null>('DELETE', `/imports/${id}`);
export const refusedUrl = (id: string) => `/api/v1/imports/${id}/refused`;

// ---- plans ----

export interface Bucket {
  from: number | null;
  to: number | null;
  files: number;
  bytes: number;
}
export interface AgeBucket {
  from_s: number | null;
  to_s: number | null;
  files: number;
  bytes: number;
}
export interface Group {
  name: string;
  files: number;
  bytes: number;
}
export interface PlanAsk {
  volume_id: string;
  where?: string;
  rule_id?: string;
  version?: number;
  action?: Rule['action'];
  now?: string;
  history_days?: number;
  compare?: { where?: string; rule_id?: string; version?: number };
}
export interface Moved {
  files: number;
  bytes: number;
  sample: FileEntry[];
}
export interface Plan extends Omit<Schemas['Plan'], 'refusals'> {
  refusals: Schemas['PlanRefusal'][];
  charts?: { age: AgeBucket[]; size: Bucket[]; exts: Group[]; owners: Group[] };
  recalls?: { days: number; files: number; bytes: number };
  cost?: null | {
    currency: string;
    primary_month: string;
    tier_month: string;
    saved_month: string;
    recalls: string;
  };
  compare?: null | { enter: Moved; leave: Moved; stay: { files: number; bytes: number } };
}
export interface Counted {
  files: number;
  bytes: number;
  exact: boolean;
  took_ms: number;
}
export interface Export {
  id: string;
  name: string;
  rows: number;
  bytes: number;
  content_url: string;
}
export interface Costs {
  currency: string | null;
  primary_tb_month: string | null;
  tier_tb_month: string | null;
  recall_gb: string | null;
  version: number;
}
export const makePlan = (body: PlanAsk, signal?: AbortSignal) => ask<Plan>('POST', '/plan', { body, signal });
export const countPlan = (body: { volume_id: string; where: string; now?: string }, signal?: AbortSignal) =>
  ask<Counted>('POST', '/plan/count', { body, signal });
export interface ExportAsk {
  volume_id: string;
  where?: string;
  rule_id?: string;
  folder?: string;
  now?: string;
  refused?: boolean;
  format: 'csv' | 'parquet';
}
export const makeExport = (body: ExportAsk) => ask<Export>('POST', '/plan/exports', { body });
export const getCosts = (customer: string) => ask<Costs>('GET', `/customers/${customer}/costs`);
export const setCosts = (customer: string, { version, ...body }: Costs) =>
  ask<Costs>('PUT', `/customers/${customer}/costs`, { body, headers: { 'If-Match': `"${version}"` } });

// ---- figures ----

export interface StubBucket extends Bucket {
  stub_files?: number;
  stub_bytes?: number;
}
export interface StubAge extends AgeBucket {
  stub_files?: number;
  stub_bytes?: number;
}
export interface StubGroup extends Group {
  allocated: number;
  stub_files: number;
  stub_bytes: number;
}
export interface Duplicate {
  name: string;
  sample_path: string;
  sample_path_b64?: string;
  size: number;
  files: number;
  wasted_bytes: number;
}
export interface VolumeFigures {
  totals: {
    files: number;
    folders: number;
    bytes: number;
    allocated: number;
    stub_files: number;
    stub_bytes: number;
    freed_bytes?: number;
  };
  unknown_access: { files: number; bytes: number };
  imported_files: number;
  evidence: Partial<Record<'walk' | 'import' | 'audit' | 'recall', number>>;
  age?: StubAge[];
  modified?: StubAge[];
  size?: StubBucket[];
  ext?: StubGroup[];
  owner?: StubGroup[];
  hottest?: FileEntry[];
  coldest?: FileEntry[];
  largest?: FileEntry[];
  duplicates?: Duplicate[];
  took_ms: number;
}
export const volumeFigures = (volume: string, query: Query, signal?: AbortSignal) =>
  ask<VolumeFigures>('GET', `/volumes/${volume}/figures`, { query, signal });
export interface TreeFolder {
  path: string;
  path_b64?: string;
  name: string;
  files: number;
  bytes: number;
  allocated: number;
  stub_files: number;
  stub_bytes: number;
  folders: number;
  accessed_at: string | null;
  modified_at: string | null;
  unreadable: boolean;
  has_children: boolean;
}
export interface Tree {
  self: TreeFolder;
  total: number;
  items: TreeFolder[];
}
export const volumeTree = (volume: string, query: Query, signal?: AbortSignal) =>
  ask<Tree>('GET', `/volumes/${volume}/tree`, { query, signal });
export interface Day {
  day: string;
  files: number;
  folders: number;
  bytes: number;
  allocated: number;
  stub_files: number;
  stub_bytes: number;
  freed_bytes: number;
}
export const volumeGrowth = (volume: string, from?: string) =>
  ask<{ items: Day[] }>('GET', `/volumes/${volume}/growth`, { query: { from } });

// ---- why ----

export interface WhyRule {
  id: string;
  name: string;
  action: Rule['action'];
  where: string;
  enabled: boolean;
  matches: boolean | null;
  decides: boolean;
}
export interface WhyEvent {
  at: string;
  what: string;
  text: string;
  by: string | null;
  code: string | null;
  reason: string | null;
  rule_id: string | null;
  rule_version: number | null;
  job_id: string | null;
  event_id: string | null;
}
export interface Why {
  file: FileEntry;
  decision: {
    action: 'tier' | 'recall' | 'pin' | 'exclude' | 'none';
    rule_id: string | null;
    rule_name: string | null;
    refusal: string | null;
    text: string;
  };
  rules: WhyRule[];
  timeline: WhyEvent[];
}
export const whyFile = (volume: string, query: Query) => ask<Why>('GET', `/volumes/${volume}/why`, { query });

// ---- rules and schedules ----

export interface Schedule {
  cron: string;
  zone: string;
}
export interface Span {
  days: number[];
  from: string;
  to: string;
}
export interface Windows {
  /** Left out: that of the schedule. */
  zone?: string;
  spans: Span[];
}
export interface RuleMore {
  schedule: Schedule | null;
  windows: Windows | null;
  limit_minutes: number | null;
  limit_error_percent: number | null;
  start_used_percent: number | null;
  stop_used_percent: number | null;
  suspended: null | { at: string; reason: string; text: string };
  next_run_at: string | null;
  last_run: null | { job_id: string; at: string; state: Job['state'] };
}
export type RuleFull = Rule & Partial<RuleMore>;
/** What of a rule its editor changes. */
export type RuleBody = Omit<Schemas['RuleNew'], 'enabled'> &
  Partial<Omit<RuleMore, 'suspended' | 'next_run_at' | 'last_run'>> & { enabled?: boolean };
export type RuleVersion = Pick<
  RuleFull,
  | 'customer_id'
  | 'volume_id'
  | 'share_id'
  | 'name'
  | 'where'
  | 'action'
  | 'position'
  | 'enabled'
  | 'limit_files'
  | 'limit_bytes'
  | 'limit_minutes'
  | 'limit_error_percent'
  | 'start_used_percent'
  | 'stop_used_percent'
  | 'schedule'
  | 'windows'
> & { version: number; at: string; by: string };
export interface Template {
  id: string;
  name: string;
  text: string;
  where: string;
  action: Rule['action'];
  schedule?: Schedule | null;
  limits?: Partial<
    Pick<RuleMore, 'limit_minutes' | 'limit_error_percent' | 'start_used_percent' | 'stop_used_percent'>
  > | null;
}
export interface ScheduleTold {
  ok: boolean;
  text: string | null;
  windows_text?: string | null;
  next: string[];
  error: string | null;
}
export const ruleVersions = (id: string) => ask<{ items: RuleVersion[] }>('GET', `/rules/${id}/versions`);
export const cloneRule = (id: string, body: { name: string; volume_id?: string }) =>
  ask<Rule>('POST', `/rules/${id}/clone`, { body });
export const resumeRule = (id: string) => ask<Rule>('POST', `/rules/${id}/resume`);
export const orderRules = (volume_id: string, ids: string[]) =>
  ask<{ items: Rule[] }>('POST', '/rules/order', { body: { volume_id, ids } });
export const ruleTemplates = () => ask<{ items: Template[] }>('GET', '/rules/templates');
export const tellSchedule = (body: Schedule & { windows?: Windows | null }, signal?: AbortSignal) =>
  ask<ScheduleTold>('POST', '/rules/schedule', { body, signal });
export type JobMore = Job & {
  rule_version?: number | null;
  pause?: null | { reason: string; until: string | null; text: string };
};
export const pauseJob = (id: string) => ask<Job>('POST', `/jobs/${id}/pause`);
export const resumeJob = (id: string) => ask<Job>('POST', `/jobs/${id}/resume`);
