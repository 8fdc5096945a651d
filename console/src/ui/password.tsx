// A new password: anybody's by who may, one's own by everybody.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { App, Button, Form, Input } from 'antd';
import { api, must, type Schemas } from '../api/client';
import { useAct } from './act';
import { Failed } from './parts';
import { Dialog } from './dialog';

export function SetPassword({
  user,
  own,
  onClose,
}: {
  user: { id: string; name: string };
  own: boolean;
  onClose: () => void;
}) {
  const { message } = App.useApp();
  const set = useAct(
    (body: Schemas['PasswordChange']) =>
      must(api.POST('/users/{id}/password', { params: { path: { id: user.id } }, body })),
    ['users'],
    () => {
      message.success(t`The password is set`);
      onClose();
    },
    true,
  );
  return (
    <Dialog
      open
      title={own ? t`Change your password` : t`Password of ${user.name}`}
      footer={null}
      onCancel={onClose}
    >
      {set.error && <Failed error={set.error} />}
      <Form layout="vertical" requiredMark={false} onFinish={(v: Schemas['PasswordChange']) => set.mutate(v)}>
        {own && (
          <Form.Item
            name="old_password"
            label={t`Old password`}
            rules={[{ required: true, message: t`The one you logged in with` }]}
          >
            <Input.Password autoComplete="current-password" />
          </Form.Item>
        )}
        <Form.Item
          name="password"
          label={t`New password`}
          rules={[{ required: true, min: 10, max: 256, message: t`At least 10 characters` }]}
          extra={t`Ends all other sessions of this user.`}
        >
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        <Button type="primary" htmlType="submit" loading={set.isPending}>
          <Trans>Set password</Trans>
        </Button>
      </Form>
    </Dialog>
  );
}
