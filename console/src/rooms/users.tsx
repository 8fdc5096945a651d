import { words } from '../lib/words';
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { UserOutlined } from '@ant-design/icons';
import { Button, Form, Input, Select, Switch } from 'antd';
import { useState } from 'react';
import { api, ifMatch, must, type Schemas, type User } from '../api/client';
import { useUsers } from '../api/data';
import { useAddress, useEdited, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { Actions, ConfirmName, Failed, Nothing, Page, Search, When } from '../ui/parts';
import { SetPassword } from '../ui/password';
import { NameOf, Pick } from '../ui/pick';
import { DataTable } from '../ui/table';

export default function Users() {
  const who = useWho();
  const [search, change] = useAddress();
  const text = search.get('q') ?? '';
  const list = useUsers(who.customer, text);
  const [edit, setEdit] = useEdited<User>(list.items, who.mayUsers);
  const open = edit === 'new';
  const word = edit === 'new' ? undefined : edit;
  const [gone, setGone] = useState<User>();
  const [form] = Form.useForm<Schemas['UserNew']>();
  const role = Form.useWatch('role', form);
  const add = useAct(
    (v: Schemas['UserNew']) =>
      must(
        api.POST('/users', {
          body: { ...v, customer_id: v.role === 'operator' ? null : (v.customer_id ?? who.customer ?? null) },
        }),
      ),
    ['users'],
    () => {
      setEdit(undefined);
      form.resetFields();
    },
    true,
  );
  const patch = useAct(
    ({ user, body }: { user: User; body: Schemas['UserChange'] }) =>
      must(api.PATCH('/users/{id}', { params: { path: { id: user.id }, header: ifMatch(user) }, body })),
    ['users'],
  );
  const remove = useAct(
    (u: User) => must(api.DELETE('/users/{id}', { params: { path: { id: u.id }, header: ifMatch(u) } })),
    ['users'],
    () => setGone(undefined),
    true,
  );
  const button = who.mayUsers && (
    <Button
      type="primary"
      onClick={() => {
        add.reset();
        setEdit('new');
      }}
    >
      <Trans>Add user</Trans>
    </Button>
  );
  return (
    <Page
      title={t`Users`}
      text={t`Who may use the console and the command line.`}
      actions={
        <>
          <Search value={text} onChange={(q) => change({ q })} label={t`Search users`} />
          {button}
        </>
      }
    >
      <DataTable
        list={list}
        what="users"
        rowKey="id"
        acts={(u) => (
          <Actions
            of={u.name}
            items={[
              { label: t`Set password`, act: () => setEdit(u) },
              {
                label: t`Delete`,
                danger: true,
                disabled: u.id === who.id,
                act: () => {
                  remove.reset();
                  setGone(u);
                },
              },
            ]}
          />
        )}
        empty={
          <Nothing
            icon={<UserOutlined />}
            title={t`No user here`}
            text={t`Operators see every customer, admins and auditors only their own.`}
            action={button}
          />
        }
        columns={[
          { title: t`Name`, fixed: true, render: (_, u) => <b>{u.name}</b> },
          { title: t`Role`, render: (_, u) => <span className="tag">{words(u.role)}</span> },
          {
            title: t`Customer`,
            render: (_, u) =>
              !u.customer_id ? (
                t`all`
              ) : who.operator ? (
                <NameOf noun="customers" id={u.customer_id} />
              ) : (
                t`own`
              ),
          },
          {
            title: t`May log in`,
            render: (_, u) => (
              <Switch
                size="small"
                aria-label={t`${u.name} may log in`}
                checked={!u.disabled}
                disabled={!who.mayUsers || u.id === who.id}
                onChange={(on) => patch.mutate({ user: u, body: { disabled: !on } })}
              />
            ),
          },
          { title: t`Last login`, render: (_, u) => <When at={u.last_login_at} /> },
        ]}
      />
      <Dialog
        open={open}
        title={t`Add user`}
        okText={t`Add`}
        confirmLoading={add.isPending}
        onOk={() => form.submit()}
        onCancel={() => setEdit(undefined)}
        forceRender
      >
        {add.error && <Failed error={add.error} />}
        <Form
          form={form}
          layout="vertical"
          initialValues={{ role: 'admin', customer_id: who.customer }}
          onFinish={(v) => add.mutate(v)}
        >
          <Form.Item name="name" label={t`Name`} rules={[{ required: true, whitespace: true, max: 128 }]}>
            <Input autoComplete="off" />
          </Form.Item>
          <Form.Item name="role" label={t`Role`}>
            <Select
              options={[
                ...(who.operator ? [{ value: 'operator', label: t`Operator: every customer` }] : []),
                { value: 'admin', label: t`Admin: one customer` },
                { value: 'auditor', label: t`Auditor: reads only` },
              ]}
            />
          </Form.Item>
          {who.operator && role !== 'operator' && (
            <Form.Item name="customer_id" label={t`Customer`} rules={[{ required: true }]}>
              <Pick noun="customers" placeholder={t`Which one?`} />
            </Form.Item>
          )}
          <Form.Item name="password" label={t`Password`} rules={[{ required: true, min: 10, max: 256 }]}>
            <Input.Password autoComplete="new-password" />
          </Form.Item>
        </Form>
      </Dialog>
      {word && <SetPassword user={word} own={word.id === who.id} onClose={() => setEdit(undefined)} />}
      {gone && (
        <ConfirmName
          open
          name={gone.name}
          what="user"
          text={t`Ends their sessions too. This cannot be undone.`}
          busy={remove.isPending}
          error={remove.error}
          onOk={() => remove.mutate(gone)}
          onClose={() => setGone(undefined)}
        />
      )}
    </Page>
  );
}
