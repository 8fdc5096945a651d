export function say(): import('vite').Plugin;
