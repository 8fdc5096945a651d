// How the logs of a volume are read: what is noise, what counts, when silence is taken for switched off.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, App, Button, Card, Form, Input, InputNumber, Select, Space, Switch } from 'antd';
import { useState } from 'react';
import { type Access, changeAudit, type VolumeAudit } from '../../api/access';
import { api, ApiFailure, must, type Volume } from '../../api/client';
import { count } from '../../lib/format';
import { useWho } from '../../lib/session';
import { useAct } from '../../ui/act';
import { Failed } from '../../ui/parts';

export type Audit = Required<VolumeAudit>;
const NAMES_MAX = 100;
const NAME_BYTES = 200;
const bytesOf = (text: string) => new TextEncoder().encode(text).length;

/** What is wrong with one name; undefined: nothing. */
export function wrongName(name: string): string | undefined {
  if (!name.trim()) return t`A name is empty`;
  if (/\p{Cc}/u.test(name)) return t`“${name.replace(/\p{Cc}/gu, '�')}” has a control character in it`;
  if (bytesOf(name) > NAME_BYTES) return t`“${name.slice(0, 30)}…” is longer than ${NAME_BYTES} bytes`;
  return undefined;
}

const names = (many: () => string) => ({
  validator: (_: unknown, list: string[] = []) => {
    const wrong = list.map(wrongName).find(Boolean);
    if (wrong) return Promise.reject(new Error(wrong));
    if (list.length > NAMES_MAX) return Promise.reject(new Error(many()));
    return Promise.resolve();
  },
});

/** Members that differ: others, which somebody may change meanwhile, are left alone. */
export function changed(now: Audit, then: Audit): Partial<Audit> {
  return Object.fromEntries(
    Object.entries(now).filter(([k, v]) => JSON.stringify(v) !== JSON.stringify(then[k as keyof Audit])),
  );
}

const Names = ({ disabled, placeholder, ...rest }: { disabled: boolean; placeholder: string }) => (
  <Select
    mode="tags"
    tokenSeparators={[',', '\n']}
    open={false}
    suffixIcon={null}
    {...{ disabled, placeholder }}
    {...rest}
  />
);

function Fields({ may, named }: { may: boolean; named?: number }) {
  return (
    <>
      <h2 className="step">
        <Trans>Noise</Trans>
      </h2>
      <p className="sub">
        <Trans>
          Whose accesses are no sign that a file is needed: backup, virus scanners, indexers. Names may hold *
          and ?; upper and lower case are the same. What they make, write, move or delete changes the tree all
          the same, and is no use of a file; a move is, since what is known of a file goes with it. It holds
          for what is read from now on.
        </Trans>
        {named !== undefined && (
          <>
            {' '}
            <Trans>{count(named)} events were dropped so since the agent began to count.</Trans>
          </>
        )}
      </p>
      <div className="fields">
        <Form.Item name="drop_users" label={t`Users`} rules={[names(() => t`At most ${NAMES_MAX} users`)]}>
          <Names disabled={!may} placeholder="backup-svc, *@scanner.example" />
        </Form.Item>
        <Form.Item name="drop_hosts" label={t`Hosts`} rules={[names(() => t`At most ${NAMES_MAX} hosts`)]}>
          <Names disabled={!may} placeholder="AV-SCAN-*" />
        </Form.Item>
        <Form.Item
          name="drop_nodes"
          label={t`Clients, by their number`}
          rules={[names(() => t`At most ${NAMES_MAX} clients`)]}
        >
          <Names disabled={!may} placeholder="17" />
        </Form.Item>
      </div>
      <h2 className="step">
        <Trans>What counts</Trans>
      </h2>
      <Form.Item
        name="prehydrate"
        label={t`Prefetching counts as an access`}
        valuePropName="checked"
        extra={t`LucidLink may fetch content before anybody asks for it. Left off, files that are only fetched so may be called cold.`}
      >
        <Switch disabled={!may} />
      </Form.Item>
      <div className="fields">
        <Form.Item
          name="silence_hours"
          label={t`Silent after (silence_hours)`}
          rules={[{ required: true, message: t`A number of hours from 1 to 8,760` }]}
          extra={t`Logs to which nobody writes for longer are taken for switched off: nothing is called cold then. Longer than the longest holiday is right.`}
        >
          <InputNumber
            disabled={!may}
            min={1}
            max={8760}
            precision={0}
            addonAfter={t`hours`}
            style={{ width: 170 }}
          />
        </Form.Item>
        <Form.Item
          name="root"
          label={t`Root of the filespace on the host`}
          rules={[{ max: 4096, message: t`At most 4,096 characters` }]}
          extra={t`Empty: the agent looks above the volume for the folder that holds .lucid_audit.`}
        >
          <Input
            disabled={!may}
            style={{ fontFamily: 'var(--alto-mono)' }}
            placeholder={t`found by itself`}
            autoComplete="off"
          />
        </Form.Item>
        <Form.Item
          name="logs"
          label={t`Further endings of logs`}
          rules={[names(() => t`At most ${NAMES_MAX} endings`)]}
          extra={t`Beside .log and .active.`}
        >
          <Names disabled={!may} placeholder=".jsonl" />
        </Form.Item>
      </div>
    </>
  );
}

/** Somebody saved first: theirs is shown, or one's own is put over it. */
function Conflict({ busy, onTheirs, onMine }: { busy: boolean; onTheirs: () => void; onMine: () => void }) {
  return (
    <Alert
      type="warning"
      showIcon
      role="alert"
      style={{ marginBottom: 16 }}
      title={t`Somebody changed this volume meanwhile`}
      description={t`Nothing of yours was saved yet. Look at theirs, or save what you changed over it; what you did not touch stays as they left it.`}
      action={
        <Space wrap>
          <Button size="small" onClick={onTheirs}>
            <Trans>Show theirs</Trans>
          </Button>
          <Button size="small" type="primary" loading={busy} onClick={onMine}>
            <Trans>Save mine</Trans>
          </Button>
        </Space>
      }
    />
  );
}

export default function Settings({ volume, access }: { volume: Volume; access?: Access }) {
  const who = useWho();
  const client = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<Audit>();
  // As it was when the form was filled: what comes by live events does not change what one types over.
  const [base, setBase] = useState(volume);
  const [dirty, setDirty] = useState(false);
  const was = base.audit as Audit;
  const named = access?.counts.find((c) => c.name === 'named')?.count;
  const filled = (v: Volume) => {
    setBase(v);
    setDirty(false);
    form.setFieldsValue(v.audit as Audit);
  };
  const save = useAct(
    ({ over, values }: { over: Volume; values: Audit }) => changeAudit(over, changed(values, was)),
    ['volumes', 'access'],
    (saved) => {
      client.setQueryData(['volume', volume.id], saved);
      filled(saved);
      message.success(t`Saved; the agent takes it within a minute`);
    },
    true,
  );
  const failure = save.error instanceof ApiFailure ? save.error : undefined;
  const conflict = failure?.status === 412;
  const fresh = () => must(api.GET('/volumes/{id}', { params: { path: { id: volume.id } } }));
  const member = failure?.problem.pointer?.split('/').at(-1) as keyof Audit | undefined;
  const atField = !conflict && member && member in was;
  return (
    <Card>
      {!who.mayWrite && (
        <Alert
          type="info"
          style={{ marginBottom: 16 }}
          title={t`You may look at the settings; an administrator can change them.`}
        />
      )}
      {conflict && (
        <Conflict
          busy={save.isPending}
          onTheirs={() =>
            void fresh().then(
              (v) => {
                save.reset();
                client.setQueryData(['volume', volume.id], v);
                filled(v);
              },
              (e: Error) => message.error(e.message),
            )
          }
          onMine={() =>
            void fresh().then(
              (v) => save.mutate({ over: v, values: form.getFieldsValue(true) as Audit }),
              (e: Error) => message.error(e.message),
            )
          }
        />
      )}
      {save.error && !conflict && !atField && <Failed error={save.error} />}
      <Form
        form={form}
        layout="vertical"
        initialValues={was}
        onValuesChange={() => {
          if (save.error && !conflict) save.reset();
          setDirty(Object.keys(changed(form.getFieldsValue(true) as Audit, was)).length > 0);
        }}
        onFinish={() => save.mutate({ over: base, values: form.getFieldsValue(true) as Audit })}
      >
        <Fields may={who.mayWrite} named={named} />
        {atField && (
          <p className="wrong" role="alert">
            {failure!.problem.detail || failure!.problem.title}
          </p>
        )}
        {who.mayWrite && (
          <Space>
            <Button type="primary" htmlType="submit" disabled={!dirty} loading={save.isPending}>
              <Trans>Save</Trans>
            </Button>
            {dirty && (
              <Button
                onClick={() => {
                  save.reset();
                  filled(base);
                }}
              >
                <Trans>Undo</Trans>
              </Button>
            )}
          </Space>
        )}
      </Form>
    </Card>
  );
}
