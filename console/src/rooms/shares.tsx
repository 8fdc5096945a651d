import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { DatabaseOutlined } from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input, Progress, Select } from 'antd';
import { useEffect, useState } from 'react';
import { api, ifMatch, type Job, must, sayFailure, type Schemas, type Share } from '../api/client';
import { ended, useJob, useShares } from '../api/data';
import { bytes } from '../lib/format';
import { useAddress, useEdited, useFilled, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { Actions, ConfirmName, Failed, Nothing, Page, Search, State, To, When } from '../ui/parts';
import { NameOf, Pick } from '../ui/pick';
import { DataTable } from '../ui/table';

const NEXT = (): Record<Schemas['ShareState'], string> => ({
  ok: '',
  unknown: t`Not looked at yet: check it now.`,
  unreachable: t`Is the file server up, and its name right? Files there cannot be read meanwhile.`,
  full: t`Make room on the share: nothing more is moved until then. Recalls work.`,
  read_only: t`Give the user the right to write.`,
  wrong_password: t`Enter the password again: Edit is in the menu at the end of the line.`,
  foreign: t`Another installation uses this folder: choose another one.`,
  error: t`See the text, then check again.`,
});

/** How the check that was asked for here goes, and what it came to; the state of the share tells what is wrong. */
function Look({ job: first, of, customer }: { job: Job; of: Share; customer?: string }) {
  const client = useQueryClient();
  const job = useJob(first.id).data ?? first;
  const over = ended(job.state);
  useEffect(() => {
    if (over) void client.invalidateQueries({ queryKey: ['shares'] });
  }, [over, client]);
  const host = <NameOf noun="hosts" id={job.host_id} customer={customer} />;
  return (
    <div className="sub" style={{ maxWidth: 320, whiteSpace: 'normal', marginTop: 4 }} role="status">
      {job.state === 'done' ? (
        <>
          <Trans>Checked by {host}: address, user and password are right.</Trans>
        </>
      ) : job.state === 'cancelled' ? (
        t`The check was cancelled.`
      ) : over ? (
        <>
          <Trans>Checked by {host} just now.</Trans>
          {of.state === 'ok' && ` ${job.text}`}
        </>
      ) : (
        <>
          <Trans>{host} is looking at it…</Trans>
        </>
      )}{' '}
      <To path={`/jobs/${job.id}`}>
        <Trans>Job</Trans>
      </To>
    </div>
  );
}

interface Values {
  customer_id: string;
  name: string;
  url: string;
  user?: string;
  password?: string;
  wire: Share['wire'];
}

export default function Shares() {
  const who = useWho();
  const [search, change] = useAddress();
  const text = search.get('q') ?? '';
  const list = useShares(who.customer, text);
  const [edit, setEdit] = useEdited<Share>(list.items, who.mayWrite);
  const [gone, setGone] = useState<Share>();
  const [form] = Form.useForm<Values>();
  const save = useAct(
    async (v: Values) => {
      const { customer_id, password, ...rest } = v;
      const body = { ...rest, user: rest.user || null, ...(password ? { password } : {}) };
      if (edit === 'new')
        return must(api.POST('/shares', { body: { ...body, customer_id: who.customer ?? customer_id } }));
      return must(
        api.PATCH('/shares/{id}', { params: { path: { id: edit!.id }, header: ifMatch(edit!) }, body }),
      );
    },
    ['shares'],
    () => setEdit(undefined),
    true,
  );
  const check = useAct(
    (id: string) => must(api.POST('/shares/{id}/check', { params: { path: { id } }, body: {} })),
    ['jobs'],
    undefined,
    true,
  );
  const remove = useAct(
    (s: Share) => must(api.DELETE('/shares/{id}', { params: { path: { id: s.id }, header: ifMatch(s) } })),
    ['shares'],
    () => setGone(undefined),
    true,
  );
  const open = (s: Share | 'new') => {
    save.reset();
    form.resetFields();
    setEdit(s);
    if (s !== 'new')
      form.setFieldsValue({ name: s.name, url: s.url, user: s.user ?? '', password: '', wire: s.wire });
  };
  useFilled(edit, open);
  const add = who.mayWrite && (
    <Button type="primary" onClick={() => open('new')}>
      <Trans>Add share</Trans>
    </Button>
  );
  return (
    <Page
      title={t`Shares`}
      text={t`Where cold files lie.`}
      actions={
        <>
          <Search value={text} onChange={(q) => change({ q })} label={t`Search shares`} />
          {add}
        </>
      }
    >
      <DataTable
        list={list}
        what="shares"
        rowKey="id"
        acts={(s) =>
          who.mayWrite && (
            <Actions
              of={s.name}
              main={
                <Button
                  size="small"
                  onClick={() => check.mutate(s.id)}
                  loading={check.isPending && check.variables === s.id}
                >
                  <Trans>Check now</Trans>
                </Button>
              }
              items={[
                { label: t`Edit`, act: () => open(s) },
                {
                  label: t`Delete`,
                  danger: true,
                  act: () => {
                    remove.reset();
                    setGone(s);
                  },
                },
              ]}
            />
          )
        }
        empty={
          text ? (
            <Nothing title={t`None has this name`} text={t`Try less of it.`} />
          ) : (
            <Nothing
              icon={<DatabaseOutlined />}
              title={t`No share yet`}
              text={t`Any SMB share or mounted folder will do.`}
              action={add}
              command="alto share add --customer NAME --name cold --url smb://HOST/SHARE --user USER --password-file FILE"
            />
          )
        }
        columns={[
          {
            title: t`Name`,
            fixed: true,
            render: (_, s) => (
              <div>
                <b>{s.name}</b>
                <div className="sub" style={{ maxWidth: 330, whiteSpace: 'normal' }}>
                  <span className="mono">{s.url}</span>
                  {s.user && (
                    <div>
                      <Trans>
                        as <span className="mono">{s.user}</span>
                      </Trans>
                    </div>
                  )}
                  {s.wire !== 'any' && (
                    <div>{s.wire === 'signed' ? t`signed alone` : t`encrypted alone`}</div>
                  )}
                </div>
              </div>
            ),
          },
          {
            title: t`State`,
            render: (_, s) => (
              <div>
                <State of={s.state} />{' '}
                <span className="sub" style={{ display: 'inline-block' }}>
                  {s.checked_at ? (
                    <>
                      <Trans>
                        checked <When at={s.checked_at} />
                      </Trans>
                    </>
                  ) : (
                    t`never checked`
                  )}
                </span>
                {s.state !== 'ok' && (
                  <div className="sub" style={{ maxWidth: 320, whiteSpace: 'normal', marginTop: 4 }}>
                    {s.state_text && <div>{s.state_text}</div>}
                    {who.mayWrite && NEXT()[s.state]}
                  </div>
                )}
                {check.variables === s.id && check.data && (
                  <Look job={check.data} of={s} customer={who.customer} />
                )}
                {check.variables === s.id && check.error && (
                  <div
                    className="sub"
                    style={{ maxWidth: 320, whiteSpace: 'normal', marginTop: 4, color: 'var(--bad-text)' }}
                    role="alert"
                  >
                    {sayFailure(check.error)}
                  </div>
                )}
              </div>
            ),
          },
          {
            title: t`Free space`,
            width: 200,
            render: (_, s) =>
              s.bytes_total ? (
                <div>
                  <Progress
                    size="small"
                    showInfo={false}
                    aria-label={t`Used space of ${s.name}`}
                    percent={100 - (100 * (s.bytes_free ?? 0)) / s.bytes_total}
                    status={(s.bytes_free ?? 0) < s.bytes_total * 0.05 ? 'exception' : 'normal'}
                  />
                  <div className="sub num">
                    <Trans>
                      {bytes(s.bytes_free)} free of {bytes(s.bytes_total)}
                    </Trans>
                  </div>
                </div>
              ) : (
                <span className="sub">
                  <Trans>not known</Trans>
                </span>
              ),
          },
        ]}
      />
      <Dialog
        open={!!edit}
        title={edit === 'new' ? t`Add share` : t`Edit share`}
        okText={edit === 'new' ? t`Add` : t`Save`}
        confirmLoading={save.isPending}
        onOk={() => form.submit()}
        onCancel={() => setEdit(undefined)}
        forceRender
      >
        {save.error && <Failed error={save.error} />}
        <Form form={form} layout="vertical" autoComplete="off" onFinish={(v) => save.mutate(v)}>
          {edit === 'new' && !who.customer && (
            <Form.Item name="customer_id" label={t`Customer`} rules={[{ required: true }]}>
              <Pick noun="customers" placeholder={t`Whose share is it?`} />
            </Form.Item>
          )}
          <Form.Item name="name" label={t`Name`} rules={[{ required: true, whitespace: true, max: 128 }]}>
            <Input placeholder="cold" />
          </Form.Item>
          <Form.Item
            name="url"
            label={t`Address`}
            rules={[
              { required: true },
              {
                pattern: /^(smb:\/\/[^/]+\/.+|file:\/\/\/.+)/,
                message: t`smb://HOST[:PORT]/SHARE[/DIR] or file:///DIR`,
              },
            ]}
          >
            <Input className="mono" placeholder="smb://nas1/cold/acme" />
          </Form.Item>
          <Form.Item name="user" label={t`User`}>
            <Input placeholder="DOMAIN\user" autoComplete="off" />
          </Form.Item>
          <Form.Item
            name="password"
            label={t`Password`}
            extra={
              edit !== 'new' && edit?.has_password
                ? t`One is kept. Leave this empty to keep it; it is never shown.`
                : t`Kept sealed, never shown again.`
            }
          >
            <Input.Password autoComplete="new-password" />
          </Form.Item>
          <Form.Item
            name="wire"
            label={t`Connections`}
            initialValue="any"
            extra={t`Of smb:// alone. A server that does not do it is not used.`}
          >
            <Select
              options={[
                { value: 'any', label: t`as the server wants` },
                { value: 'signed', label: t`signed` },
                { value: 'encrypted', label: t`encrypted` },
              ]}
            />
          </Form.Item>
        </Form>
      </Dialog>
      {gone && (
        <ConfirmName
          open
          name={gone.name}
          what="share"
          text={t`What lies on it stays. A share that a volume or rule uses cannot be deleted.`}
          busy={remove.isPending}
          error={remove.error}
          onOk={() => remove.mutate(gone)}
          onClose={() => setGone(undefined)}
        />
      )}
    </Page>
  );
}
