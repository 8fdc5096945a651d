import { useMutation, useQueryClient } from '@tanstack/react-query';
import { App } from 'antd';
import { sayFailure } from '../api/client';

/** Something that is done to the server: then the named lists are loaded afresh; a failure is told. */
export function useAct<V, R>(
  act: (value: V) => Promise<R>,
  lists: string[],
  done?: (result: R, value: V) => void,
  quiet = false,
) {
  const client = useQueryClient();
  const { message } = App.useApp();
  return useMutation({
    mutationFn: act,
    onSuccess: (result, value) => {
      for (const key of [...lists, 'figures', 'audit']) void client.invalidateQueries({ queryKey: [key] });
      done?.(result, value);
    },
    onError: (error) => {
      if (!quiet) message.error(sayFailure(error), 6);
    },
  });
}
