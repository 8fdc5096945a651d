// What the console asks of imports, plans, figures, rules and jobs: one function a route, in the words of api/openapi.yaml.
import { api, ifMatch, must, type Schemas } from './client';
import type { operations } from './types.gen';

type QueryOf<O extends keyof operations> = NonNullable<operations[O]['parameters']['query']>;
const at = (id: string) => ({ params: { path: { id } } });

// ---- hosts ----

export const addHost = (body: Schemas['HostNew']) => must(api.POST('/hosts', { body }));

// ---- imports ----

export type Import = Schemas['Import'];
export type ImportOptions = Schemas['ImportOptions'];
export type ImportColumn = Schemas['ImportColumn'];
export type ImportField = Schemas['ImportField'];
/** In the order in which they are offered; the types see to it that none is left out. */
const FIELDS: Record<ImportField, true> = {
  path: true,
  folder: true,
  name: true,
  ext: true,
  type: true,
  size: true,
  allocated: true,
  modified: true,
  accessed: true,
  created: true,
  changed: true,
  owner: true,
  group: true,
  mode: true,
  attributes: true,
  inode: true,
  links: true,
  state: true,
};
export const IMPORT_FIELDS = Object.keys(FIELDS) as ImportField[];
export const CHUNK_BYTES = 8 << 20;
export const listImports = (query: QueryOf<'import_list'>) =>
  must(api.GET('/imports', { params: { query } }));
export const getImport = (id: string, signal?: AbortSignal) =>
  must(api.GET('/imports/{id}', { ...at(id), signal }));
export const addImport = (volume: string, body: Schemas['ImportNew']) =>
  must(api.POST('/volumes/{id}/imports', { ...at(volume), body }));
export const putContent = (id: string, offset: number, piece: Blob, signal?: AbortSignal) =>
  must(
    api.PUT('/imports/{id}/content', {
      params: { path: { id }, query: { offset } },
      // Bytes have no type of their own in the generated ones.
      body: piece as unknown as string,
      bodySerializer: (b: unknown) => b as Blob,
      headers: { 'Content-Type': 'application/octet-stream' },
      signal,
    }),
  );
export const lookAgain = (id: string, options: ImportOptions) =>
  must(api.POST('/imports/{id}/look', { ...at(id), body: { options } }));
export const runImport = (id: string, options?: ImportOptions) =>
  must(api.POST('/imports/{id}/run', { ...at(id), body: options ? { options } : {} }));
export const cancelImport = (id: string) => must(api.POST('/imports/{id}/cancel', at(id)));
export const deleteImport = (id: string) => must(api.DELETE('/imports/{id}', at(id)));
export const refusedUrl = (id: string) => `/api/v1/imports/${id}/refused`;

// ---- plans ----

export type Plan = Schemas['PlanWhole'];
export type PlanAsk = Schemas['PlanAsk'];
export type ExportAsk = Schemas['ExportAsk'];
export type Costs = Schemas['Costs'];
export const makePlan = (body: PlanAsk, signal?: AbortSignal) => must(api.POST('/plan', { body, signal }));
export const countPlan = (body: Schemas['PlanCountAsk'], signal?: AbortSignal) =>
  must(api.POST('/plan/count', { body, signal }));
export const makeExport = (body: ExportAsk) => must(api.POST('/plan/exports', { body }));
export const getCosts = (customer: string) => must(api.GET('/customers/{id}/costs', at(customer)));
export const setCosts = (customer: string, { version, ...body }: Costs) =>
  must(
    api.PUT('/customers/{id}/costs', {
      params: { path: { id: customer }, header: ifMatch({ version }) },
      body,
    }),
  );

// ---- figures ----

export type VolumeFigures = Schemas['VolumeFigures'];
export type CustomerFigures = Schemas['CustomerFigures'];
export type TreeFolder = Schemas['TreeFolder'];
export const volumeFigures = (id: string, query: QueryOf<'volume_figures'>, signal?: AbortSignal) =>
  must(api.GET('/volumes/{id}/figures', { params: { path: { id }, query }, signal }));
export const customerFigures = (query: QueryOf<'inventory_figures_get'>, signal?: AbortSignal) =>
  must(api.GET('/figures/inventory', { params: { query }, signal }));
export const volumeTree = (id: string, query: QueryOf<'volume_tree'>, signal?: AbortSignal) =>
  must(api.GET('/volumes/{id}/tree', { params: { path: { id }, query }, signal }));
export const volumeGrowth = (id: string, from?: string) =>
  must(api.GET('/volumes/{id}/growth', { params: { path: { id }, query: { from } } }));

// ---- why ----

export type Why = Schemas['Why'];
export const whyFile = (id: string, query: QueryOf<'volume_why'>) =>
  must(api.GET('/volumes/{id}/why', { params: { path: { id }, query } }));

// ---- rules and schedules ----

export type Schedule = Schemas['Schedule'];
export type Windows = Schemas['Windows'];
export type Span = Windows['spans'][number];
export type RuleVersion = Schemas['RuleVersion'];
export type Template = Schemas['RuleTemplates']['items'][number];
/** All of them: a rule has few, but more than a page is possible. */
export async function ruleVersions(id: string): Promise<{ items: RuleVersion[] }> {
  const items: RuleVersion[] = [];
  let cursor: string | undefined;
  do {
    const page = await must(
      api.GET('/rules/{id}/versions', { params: { path: { id }, query: { limit: 500, cursor } } }),
    );
    items.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return { items };
}
export const cloneRule = (id: string, body: Schemas['RuleClone']) =>
  must(api.POST('/rules/{id}/clone', { ...at(id), body }));
export const resumeRule = (id: string) => must(api.POST('/rules/{id}/resume', at(id)));
export const orderRules = (volume_id: string, ids: string[]) =>
  must(api.POST('/rules/order', { body: { volume_id, ids } }));
export const ruleTemplates = () => must(api.GET('/rules/templates'));
export const tellSchedule = (body: Schemas['ScheduleAsked'], signal?: AbortSignal) =>
  must(api.POST('/rules/schedule', { body, signal }));

// ---- jobs ----

export const pauseJob = (id: string) => must(api.POST('/jobs/{id}/pause', at(id)));
export const resumeJob = (id: string) => must(api.POST('/jobs/{id}/resume', at(id)));
