// What fails to draw, or to be loaded, does not take the rest along.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Button } from 'antd';
import { Component, type ReactNode } from 'react';
import { Nothing } from './basics';

interface Props {
  children: ReactNode;
  /** Elsewhere it is tried again. */
  place: string;
  /** In place of a page that says so. */
  instead?: (error: Error) => ReactNode;
}

export class Fence extends Component<Props, { error?: Error; place: string }> {
  state: { error?: Error; place: string } = { place: this.props.place };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  static getDerivedStateFromProps(props: { place: string }, state: { error?: Error; place: string }) {
    return props.place === state.place ? null : { error: undefined, place: props.place };
  }
  render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    if (this.props.instead) return this.props.instead(error);
    return (
      <div className="page">
        <Nothing
          title={t`This page failed`}
          text={error.message}
          action={
            <Button type="primary" onClick={() => window.location.reload()}>
              <Trans>Load again</Trans>
            </Button>
          }
        />
      </div>
    );
  }
}
