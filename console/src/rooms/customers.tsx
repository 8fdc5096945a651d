import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { TeamOutlined } from '@ant-design/icons';
import { Button, Form, Input } from 'antd';
import { useState } from 'react';
import { api, type Customer, ifMatch, must } from '../api/client';
import { useCustomers } from '../api/data';
import { count } from '../lib/format';
import { useAddress, useEdited, useFilled, useGo } from '../lib/session';
import { useAct } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { Actions, ConfirmName, Failed, Nothing, Page, Search, Size, Split } from '../ui/parts';
import { DataTable } from '../ui/table';

export default function Customers() {
  const [search, change] = useAddress();
  const text = search.get('q') ?? '';
  const list = useCustomers(true, text);
  const go = useGo();
  const [edit, setEdit] = useEdited<Customer>(list.items, true);
  const [gone, setGone] = useState<Customer>();
  const [form] = Form.useForm<{ name: string }>();
  const save = useAct(
    async ({ name }: { name: string }) =>
      edit === 'new'
        ? must(api.POST('/customers', { body: { name } }))
        : must(
            api.PATCH('/customers/{id}', {
              params: { path: { id: edit!.id }, header: ifMatch(edit!) },
              body: { name },
            }),
          ),
    ['customers'],
    () => setEdit(undefined),
    true,
  );
  const remove = useAct(
    (c: Customer) =>
      must(api.DELETE('/customers/{id}', { params: { path: { id: c.id }, header: ifMatch(c) } })),
    ['customers'],
    () => setGone(undefined),
    true,
  );
  const open = (c: Customer | 'new') => {
    save.reset();
    setEdit(c);
    form.setFieldsValue({ name: c === 'new' ? '' : c.name });
  };
  useFilled(edit, open);
  const add = (
    <Button type="primary" onClick={() => open('new')}>
      <Trans>Add customer</Trans>
    </Button>
  );
  return (
    <Page
      title={t`Customers`}
      text={t`Each customer sees only the own hosts, volumes and files.`}
      actions={
        <>
          <Search value={text} onChange={(q) => change({ q })} label={t`Search customers`} />
          {add}
        </>
      }
    >
      <DataTable
        list={list}
        what="customers"
        rowKey="id"
        acts={(c) => (
          <Actions
            of={c.name}
            items={[
              { label: t`Rename`, act: () => open(c) },
              {
                label: t`Delete`,
                danger: true,
                act: () => {
                  remove.reset();
                  setGone(c);
                },
              },
            ]}
          />
        )}
        empty={
          text ? (
            <Nothing title={t`None has this name`} text={t`Try less of it.`} />
          ) : (
            <Nothing
              icon={<TeamOutlined />}
              title={t`No customer yet`}
              text={t`A customer owns hosts, volumes and shares.`}
              action={add}
              command="alto customer add NAME"
            />
          )
        }
        columns={[
          {
            title: t`Name`,
            fixed: true,
            render: (_, c) => (
              <Button
                type="link"
                style={{ padding: 0, height: 'auto', whiteSpace: 'normal', textAlign: 'start' }}
                onClick={() => go('/', { customer: c.id })}
              >
                {c.name}
              </Button>
            ),
          },
          {
            title: t`Hosts`,
            align: 'right',
            render: (_, c) => <span className="num">{count(c.hosts)}</span>,
          },
          {
            title: t`Volumes`,
            align: 'right',
            render: (_, c) => <span className="num">{count(c.volumes)}</span>,
          },
          {
            title: t`Files`,
            align: 'right',
            render: (_, c) => <span className="num">{count(c.files)}</span>,
          },
          { title: t`Data`, width: 250, render: (_, c) => <Split total={c.bytes} tiered={c.stub_bytes} /> },
          { title: t`Freed`, align: 'right', render: (_, c) => <Size n={c.freed_bytes} /> },
        ]}
      />
      <Dialog
        open={!!edit}
        title={edit === 'new' ? t`Add customer` : t`Rename customer`}
        okText={edit === 'new' ? t`Add` : t`Save`}
        confirmLoading={save.isPending}
        onOk={() => form.submit()}
        onCancel={() => setEdit(undefined)}
        forceRender
      >
        {save.error && <Failed error={save.error} />}
        <Form form={form} layout="vertical" onFinish={(v) => save.mutate(v)}>
          <Form.Item name="name" label={t`Name`} rules={[{ required: true, whitespace: true, max: 128 }]}>
            <Input autoFocus />
          </Form.Item>
        </Form>
      </Dialog>
      {gone && (
        <ConfirmName
          open
          name={gone.name}
          what="customer"
          text={t`Only a customer without hosts, volumes, shares and users can be deleted. This cannot be undone.`}
          busy={remove.isPending}
          error={remove.error}
          onOk={() => remove.mutate(gone)}
          onClose={() => setGone(undefined)}
        />
      )}
    </Page>
  );
}
