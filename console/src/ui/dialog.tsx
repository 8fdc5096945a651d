// A modal that gives the focus back to where it was. Left to itself it is lost when what opened it was an item of a menu, which is gone by then.
import { Modal, type ModalProps } from 'antd';
import { useEffect, useRef } from 'react';

export function Dialog(props: ModalProps) {
  const { open } = props;
  const was = useRef(false);
  const from = useRef<Element | null>(null);
  if (open && !was.current) from.current = document.activeElement;
  was.current = !!open;
  useEffect(() => {
    if (!open) return undefined;
    return () => {
      setTimeout(() => {
        const now = document.activeElement;
        if (
          from.current instanceof HTMLElement &&
          from.current.isConnected &&
          (!now || now === document.body || now.closest('.ant-modal'))
        )
          from.current.focus();
      });
    };
  }, [open]);
  return <Modal {...props} />;
}
