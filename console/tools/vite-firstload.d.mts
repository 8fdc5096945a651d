export function firstLoad(): import('vite').Plugin;
