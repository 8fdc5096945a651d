import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { speak, wanted } from './lib/lang';
import './ui/style.css';

const root = document.getElementById('root')!;
speak(wanted()).then(
  () =>
    createRoot(root).render(
      <StrictMode>
        <App />
      </StrictMode>,
    ),
  // Without a catalogue nothing can be said but this.
  () => (root.textContent = document.querySelector('noscript')!.dataset.failed!),
);
