// One import, from the file to the figures: choose, upload, look, run.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import {
  Alert,
  Button,
  Card,
  Collapse,
  Form,
  Grid,
  Input,
  InputNumber,
  Progress,
  Select,
  Steps,
  Table,
} from 'antd';
import { useEffect, useState } from 'react';
import { useParams } from 'react-router';
import { sayFailure } from '../api/client';
import { useNamed } from '../api/data';
import {
  cancelImport,
  getImport,
  type Import,
  IMPORT_FIELDS,
  type ImportColumn,
  type ImportField,
  type ImportOptions,
  lookAgain,
  refusedUrl,
  runImport,
} from '../api/calls';
import { bytes, count, counted, duration, percent } from '../lib/format';
import { visible } from '../lib/path';
import { useGo, useWho } from '../lib/session';
import { startUpload, stopUpload, useUpload } from '../lib/uploads';
import { useAct } from '../ui/act';
import { Coming, Failed, Page, State, When } from '../ui/parts';
import { NameOf } from '../ui/pick';
import { Tiles } from '../ui/planview';
import { Drop, Start } from './importnew';

const ENDED = ['done', 'failed', 'cancelled'];

// ---- upload ----

function Uploading({ of, onCancel }: { of: Import; onCancel: React.ReactNode }) {
  const { mayWrite } = useWho();
  const client = useQueryClient();
  const run = useUpload(of.id);
  const [wrong, setWrong] = useState('');
  const done = (last: Import) => {
    client.setQueryData(['import', last.id], last);
    void client.invalidateQueries({ queryKey: ['imports'] });
  };
  const goOn = (file: File) => {
    if (file.size !== of.size) {
      setWrong(`“${file.name}” has ${count(file.size)} bytes, the one that was begun has ${count(of.size)}.`);
      return;
    }
    setWrong('');
    startUpload(file, of, done);
  };
  const received = run?.received ?? of.received;
  const left = run && run.speed > 0 ? ((of.size - received) * 1000) / run.speed : undefined;
  return (
    <Card>
      <Progress
        aria-label="Upload"
        percent={Math.floor((1000 * received) / Math.max(1, of.size)) / 10}
        status={run?.error ? 'exception' : run ? 'active' : 'normal'}
      />
      <p className="num" style={{ margin: '6px 0 12px' }} role="status">
        {bytes(received)} of {bytes(of.size)}
        {run && !run.error && run.speed > 0 && ` · ${bytes(run.speed)}/s`}
        {left !== undefined && !run?.error && ` · ${duration(left)} left`}
      </p>
      {run?.waiting && (
        <Alert
          type="warning"
          showIcon
          title="It is tried again"
          description={run.waiting}
          style={{ marginBottom: 12 }}
        />
      )}
      {run?.error && (
        <Alert
          type="error"
          showIcon
          title="The upload stopped"
          description={`${sayFailure(run.error)} What arrived is kept: choose the file again to go on.`}
          style={{ marginBottom: 12 }}
        />
      )}
      {!run && !mayWrite && <p>Whoever began it can go on with it, by choosing the same file again.</p>}
      {(!run || run.error) && mayWrite && (
        <>
          {!run?.error && (
            <p>
              {of.received > 0 ? 'The upload was interrupted. ' : ''}Choose the same file again: it goes on
              where it was.
            </p>
          )}
          <Drop
            text={`Choose ${of.name} again`}
            sub={`${bytes(of.size - of.received)} are missing.`}
            onFile={goOn}
          />
          {wrong && (
            <div className="sub wrong" role="alert" style={{ marginTop: 8 }}>
              {wrong}
            </div>
          )}
        </>
      )}
      <div className="bar" style={{ margin: '16px 0 0' }}>
        {run && !run.error && <Button onClick={() => stopUpload(of.id)}>Interrupt</Button>}
        {onCancel}
        {run && !run.error && (
          <span className="sub">It goes on while you look at other rooms of the console.</span>
        )}
      </div>
    </Card>
  );
}

// ---- the look ----

const MEANING: Record<ImportField, string> = {
  path: 'Path, whole',
  folder: 'Folder',
  name: 'Name',
  ext: 'Extension',
  type: 'Type',
  size: 'Size',
  allocated: 'Size on disk',
  modified: 'Modified',
  accessed: 'Last access',
  created: 'Created',
  changed: 'Changed (ctime)',
  owner: 'Owner',
  group: 'Group',
  mode: 'Mode',
  attributes: 'Attributes',
  inode: 'Inode',
  links: 'Links',
  state: 'State',
};

/** The whole mapping as it is shown; fields that have no column say so, lest they be guessed again. */
export function mapOf(columns: ImportColumn[]): NonNullable<ImportOptions['map']> {
  const map: NonNullable<ImportOptions['map']> = {};
  for (const f of IMPORT_FIELDS) map[f] = columns.find((c) => c.field === f)?.name ?? null;
  return map;
}

/** One column means something else now; what meant that before means nothing. */
export function remap(columns: ImportColumn[], index: number, field: ImportField | null): ImportColumn[] {
  return columns.map((c, i) =>
    i === index ? { ...c, field } : field !== null && c.field === field ? { ...c, field: null } : c,
  );
}

const CHOICES: Record<'encoding' | 'dates' | 'header' | 'compression' | 'format', [string, string][]> = {
  format: [
    ['csv', 'CSV'],
    ['parquet', 'Parquet'],
  ],
  encoding: [
    ['utf-8', 'UTF-8'],
    ['utf-16le', 'UTF-16, little end first'],
    ['utf-16be', 'UTF-16, big end first'],
    ['cp1252', 'Windows-1252'],
  ],
  compression: [
    ['plain', 'none'],
    ['gzip', 'gzip'],
    ['zstd', 'zstd'],
  ],
  dates: [
    ['iso', '2026-01-31'],
    ['us', '1/31/2026 (US)'],
    ['european', '31.1.2026 (European)'],
  ],
  header: [
    ['yes', 'names the columns'],
    ['no', 'is data'],
  ],
};
const DELIMITERS = [
  [',', 'comma ,'],
  [';', 'semicolon ;'],
  ['\t', 'tab'],
  ['|', 'bar |'],
  [' ', 'blank'],
] as const;

function Look({ of, onCancel }: { of: Import; onCancel: React.ReactNode }) {
  const { mayWrite } = useWho();
  const wide = Grid.useBreakpoint().md ?? true;
  const client = useQueryClient();
  const look = of.look!;
  const used = look.options;
  const keep = (next: Import) => client.setQueryData(['import', of.id], next);
  const again = useAct((options: ImportOptions) => lookAgain(of.id, options), [], keep, true);
  const run = useAct((options: ImportOptions) => runImport(of.id, options), ['imports'], keep, true);
  const chosen: ImportOptions = { ...of.options };
  const put = (change: ImportOptions) => again.mutate({ ...chosen, ...change });
  const choice = (key: keyof typeof CHOICES, label: string) => (
    <Form.Item label={label} key={key}>
      <Select
        aria-label={label}
        value={used[key]}
        options={CHOICES[key].map(([value, text]) => ({ value, label: text }))}
        onChange={(v: string) => put({ [key]: v })}
      />
    </Form.Item>
  );
  const csv = used.format !== 'parquet';
  const mapped = look.columns.filter((c) => c.field).length;
  const select = (c: ImportColumn, i: number) => (
    <Select<string>
      size="small"
      aria-label={`What ${c.name} is`}
      style={{ width: 150 }}
      popupMatchSelectWidth={false}
      disabled={again.isPending || !mayWrite}
      value={c.field ?? ''}
      options={[
        { value: '', label: 'not used' },
        ...IMPORT_FIELDS.map((f) => ({ value: f, label: MEANING[f] })),
      ]}
      onChange={(f) => put({ map: mapOf(remap(look.columns, i, (f || null) as ImportField | null)) })}
    />
  );
  const sample = look.rows.slice(0, wide ? 8 : 3);
  return (
    <>
      {(again.error ?? run.error) && <Failed error={again.error ?? run.error} />}
      {look.problem ? (
        <Alert
          type="warning"
          showIcon
          role="alert"
          title="It cannot be imported like this"
          description={look.problem}
          style={{ marginBottom: 16 }}
        />
      ) : (
        <Alert
          type="success"
          showIcon
          title={
            look.made_by ? `This looks like a list made by ${look.made_by}` : 'The columns were recognised'
          }
          description={`About ${counted(look.rows_about, 'row')} in ${bytes(look.bytes)}; ${mapped} of ${look.columns.length} columns are used. See whether they mean what they should.`}
          style={{ marginBottom: 16 }}
        />
      )}
      <Card
        size="small"
        title="Columns"
        style={{ marginBottom: 16 }}
        styles={{ body: { padding: 0 } }}
        aria-busy={again.isPending || undefined}
      >
        {wide ? (
          <Table
            size="small"
            rowKey="at"
            pagination={false}
            scroll={{ x: 'max-content' }}
            loading={again.isPending}
            dataSource={sample.map((cells, at) => ({ at, cells }))}
            columns={look.columns.map((c, i) => ({
              key: String(i),
              title: (
                <div className="column">
                  <span className="mono">{c.name}</span>
                  {select(c, i)}
                  <span className="sub">
                    {c.reads_as || (c.field ? '' : '–')}
                    {c.field && !c.guessed && ' · by you'}
                  </span>
                </div>
              ),
              render: (_: unknown, row: { cells: string[] }) => (
                <span className="mono cell" title={row.cells[i]}>
                  {visible(row.cells[i] ?? '')}
                </span>
              ),
            }))}
          />
        ) : (
          <ul className="cards" aria-label="Columns">
            {look.columns.map((c, i) => (
              <li key={i}>
                <div className="top">
                  <div className="what mono">{c.name}</div>
                  {select(c, i)}
                </div>
                <div className="sub">{c.reads_as}</div>
                {sample.map((row, n) => (
                  <div key={n} className="mono sub cut">
                    {visible(row[i] ?? '') || '–'}
                  </div>
                ))}
              </li>
            ))}
          </ul>
        )}
      </Card>
      <Collapse
        style={{ marginBottom: 16 }}
        defaultActiveKey={look.problem ? ['how'] : []}
        items={[
          {
            key: 'how',
            label: 'How it is read',
            children: (
              <Form layout="vertical" disabled={again.isPending || !mayWrite} component="div">
                <div className="fields">
                  {choice('format', 'Format')}
                  {csv && choice('encoding', 'Letters')}
                  {csv && (
                    <Form.Item label="Columns are separated by">
                      <Select
                        aria-label="Columns are separated by"
                        value={used.delimiter}
                        options={DELIMITERS.map(([value, label]) => ({ value, label }))}
                        onChange={(v: string) => put({ delimiter: v })}
                      />
                    </Form.Item>
                  )}
                  {csv && choice('header', 'The first line')}
                  {choice('dates', 'Dates are written')}
                  {csv && choice('compression', 'Compressed with')}
                  <Form.Item label="Times without a zone are" extra="Minutes east of UTC.">
                    <InputNumber
                      aria-label="Minutes east of UTC"
                      min={-840}
                      max={840}
                      precision={0}
                      style={{ width: '100%' }}
                      value={used.zone_minutes ?? 0}
                      changeOnWheel={false}
                      onBlur={(e) => {
                        const n = Number(e.target.value);
                        if (Number.isInteger(n) && n !== (used.zone_minutes ?? 0)) put({ zone_minutes: n });
                      }}
                    />
                  </Form.Item>
                  <Form.Item
                    label="The volume's folder is called"
                    extra="In the list; what lies outside of it is refused."
                  >
                    <Input
                      key={used.root ?? ''}
                      className="mono"
                      aria-label="The volume's folder is called"
                      defaultValue={used.root ?? ''}
                      onBlur={(e) => e.target.value !== (used.root ?? '') && put({ root: e.target.value })}
                      onPressEnter={(e) => e.currentTarget.blur()}
                    />
                  </Form.Item>
                  <Form.Item label="What is not in the list">
                    <Select
                      aria-label="What is not in the list"
                      value={used.mode}
                      options={[
                        { value: 'replace', label: 'goes, if only an import knew it' },
                        { value: 'add', label: 'stays' },
                      ]}
                      onChange={(mode: 'replace' | 'add') => put({ mode })}
                    />
                  </Form.Item>
                  <Form.Item label="Give up when more are refused than">
                    <InputNumber
                      aria-label="Give up when more are refused than"
                      min={1}
                      max={100}
                      precision={0}
                      suffix="%"
                      style={{ width: '100%' }}
                      value={used.refused_percent_max || 50}
                      onBlur={(e) => {
                        const n = parseInt(e.target.value, 10);
                        if (n > 0 && n !== (used.refused_percent_max || 50)) put({ refused_percent_max: n });
                      }}
                    />
                  </Form.Item>
                </div>
              </Form>
            ),
          },
        ]}
      />
      {mayWrite && (
        <div className="bar stay">
          <Button
            type="primary"
            disabled={!!look.problem || again.isPending}
            loading={run.isPending}
            onClick={() => run.mutate({ ...chosen, map: mapOf(look.columns) })}
          >
            Import about {counted(look.rows_about, 'row')}
          </Button>
          {onCancel}
          <span className="sub">All of it or nothing: what fails changes nothing.</span>
        </div>
      )}
    </>
  );
}

// ---- run and result ----

function Run({ of, onCancel }: { of: Import; onCancel: React.ReactNode }) {
  return (
    <Card>
      <Progress
        aria-label="Import"
        status="active"
        percent={Math.min(100, Math.floor((1000 * of.bytes_done) / Math.max(1, of.size)) / 10)}
      />
      <div role="status" style={{ marginTop: 12 }}>
        <Tiles
          tiles={[
            { k: 'Rows', v: count(of.rows) },
            { k: 'Rows a second', v: count(Math.round(of.rows_per_s)) },
            { k: 'Refused', v: count(of.refused) },
            { k: 'Doing', v: <span style={{ fontSize: 20 }}>{of.phase || 'beginning'}</span> },
          ]}
        />
      </div>
      <div className="bar" style={{ marginBottom: 0 }}>
        {onCancel}
        <span className="sub">
          Until it is through, plans and figures are as they were. It goes on without this page.
        </span>
      </div>
    </Card>
  );
}

function Done({ of }: { of: Import }) {
  const go = useGo();
  const { mayWrite } = useWho();
  const r = of.result!;
  const took =
    of.started_at && of.ended_at
      ? new Date(of.ended_at).getTime() - new Date(of.started_at).getTime()
      : undefined;
  return (
    <>
      <Alert
        type={r.refused > 0 ? 'warning' : 'success'}
        showIcon
        title={r.refused > 0 ? `Imported; ${counted(r.refused, 'row')} made no sense` : 'Imported'}
        description={
          <>
            {counted(r.rows, 'row')}
            {took !== undefined && ` in ${duration(took)}`}
            {took !== undefined && took > 0 && `, ${count(Math.round((r.rows * 1000) / took))} a second`}.
            {r.refused > 0 && ' Each refused row stands in the list with its line and the reason.'}
          </>
        }
        action={
          r.refused > 0 && (
            <Button size="small" href={refusedUrl(of.id)} download={`${of.name}.refused.csv`}>
              Download the refused
            </Button>
          )
        }
        style={{ marginBottom: 16 }}
      />
      <Tiles
        tiles={[
          {
            k: 'Files',
            v: count(r.files),
            s: `${counted(r.folders + r.folders_made, 'folder')}, ${counted(r.others, 'other')}`,
          },
          { k: 'Data', v: bytes(r.bytes), s: 'as the list tells' },
          { k: 'New', v: count(r.added), s: 'nobody knew them before' },
          { k: 'Replaced', v: count(r.replaced), s: 'known from an import only' },
          { k: 'Evidence', v: count(r.evidence), s: 'seen by a walk: a newer last access was learnt' },
          { k: 'Gone', v: count(r.removed), s: 'from an earlier import, not in this list' },
        ]}
      />
      <div className="bar">
        {mayWrite && (
          <Button type="primary" onClick={() => go('/rules/new', { volume: of.volume_id })}>
            Plan with a rule
          </Button>
        )}
        <Button onClick={() => go(`/volumes/${of.volume_id}`)}>See the figures</Button>
        {mayWrite && (
          <Button onClick={() => go('/imports/new', { volume: of.volume_id })}>Import another file</Button>
        )}
      </div>
    </>
  );
}

function Broken({ of }: { of: Import }) {
  const go = useGo();
  const client = useQueryClient();
  const who = useWho();
  const again = useAct(
    () => lookAgain(of.id, of.options),
    ['imports'],
    (next) => client.setQueryData(['import', of.id], next),
    true,
  );
  return (
    <>
      <Alert
        type={of.state === 'failed' ? 'error' : 'info'}
        showIcon
        role="alert"
        title={
          of.state === 'failed'
            ? 'It could not be imported, and nothing was changed'
            : 'It was cancelled, and nothing was changed'
        }
        description={
          <>
            {of.text}
            {of.state === 'failed' && of.code && <div className="sub mono">{of.code}</div>}
          </>
        }
        action={
          of.refused > 0 && (
            <Button size="small" href={refusedUrl(of.id)} download={`${of.name}.refused.csv`}>
              Download the refused
            </Button>
          )
        }
        style={{ marginBottom: 16 }}
      />
      {again.error && <Failed error={again.error} />}
      {who.mayWrite && (
        <div className="bar">
          {of.received === of.size && (
            <Button type="primary" loading={again.isPending} onClick={() => again.mutate(undefined)}>
              Look at it again
            </Button>
          )}
          <Button onClick={() => go('/imports/new', { volume: of.volume_id })}>Import another file</Button>
        </div>
      )}
    </>
  );
}

const STEPS = ['Upload', 'First look', 'Import', 'Done'];
const STEP: Record<Import['state'], number> = {
  uploading: 0,
  ready: 1,
  running: 2,
  done: 3,
  failed: 2,
  cancelled: 2,
};

function One({ id }: { id: string }) {
  const wide = Grid.useBreakpoint().md ?? true;
  const who = useWho();
  const client = useQueryClient();
  const now = useQuery({
    queryKey: ['import', id],
    queryFn: ({ signal }) => getImport(id, signal),
    // Live events bring it up to date; this is for when they do not come.
    refetchInterval: (q) => (q.state.data?.state === 'running' ? 1000 : false),
  });
  const volume = useNamed('volumes', now.data?.volume_id, who.customer);
  const cancel = useAct(
    () => cancelImport(id),
    ['imports'],
    (next) => client.setQueryData(['import', id], next),
  );
  const i = now.data;
  const over = !!i && ENDED.includes(i.state);
  useEffect(() => {
    // What was shown of the volume is older than the import.
    if (i?.state === 'done')
      for (const key of ['volumes', 'volume', 'files']) void client.invalidateQueries({ queryKey: [key] });
  }, [i?.state, client]);
  const stop = who.mayWrite && !over && (
    <Button
      danger
      loading={cancel.isPending}
      onClick={() => {
        stopUpload(id);
        cancel.mutate(undefined);
      }}
    >
      Cancel the import
    </Button>
  );
  if (!i)
    return <Coming title="Import" what="import" of={now} list={{ path: '/imports', name: 'All imports' }} />;
  return (
    <Page
      title={`Import: ${i.name}`}
      text={
        <>
          into <NameOf noun="volumes" id={i.volume_id} customer={who.customer} />
          {volume && <span className="mono"> {volume.path}</span>}; by {i.created_by}{' '}
          <When at={i.created_at} />
        </>
      }
      actions={<State of={i.state} />}
    >
      {wide ? (
        <Steps
          size="small"
          style={{ marginBottom: 20 }}
          current={STEP[i.state]}
          status={i.state === 'failed' ? 'error' : i.state === 'done' ? 'finish' : 'process'}
          items={STEPS.map((title) => ({ title }))}
        />
      ) : (
        <p className="sub">
          Step {STEP[i.state] + 1} of 4: {STEPS[STEP[i.state]]}
        </p>
      )}
      {i.state === 'uploading' ? (
        <Uploading of={i} onCancel={stop} />
      ) : i.state === 'ready' ? (
        i.look ? (
          <Look of={i} onCancel={stop} />
        ) : (
          <Broken of={{ ...i, state: 'failed', text: i.text || 'It could not be looked at.' }} />
        )
      ) : i.state === 'running' ? (
        <Run of={i} onCancel={stop} />
      ) : i.state === 'done' && i.result ? (
        <Done of={i} />
      ) : (
        <Broken of={i} />
      )}
      {over && i.refused > 0 && (
        <p className="sub">
          {count(i.refused)} of {counted(i.rows, 'row')} {i.refused === 1 ? 'was' : 'were'} refused (
          {percent(i.refused, i.rows)}).
        </p>
      )}
    </Page>
  );
}

export default function ImportRoom() {
  const { id = 'new' } = useParams();
  if (id === 'new')
    return (
      <Page
        title="Import a file"
        text="A list of files becomes an inventory: plans and figures without an agent."
      >
        <Start />
      </Page>
    );
  return <One key={id} id={id} />;
}
