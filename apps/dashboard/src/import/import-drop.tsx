/** Takes files that are dropped anywhere on the page, or chosen, and opens the import. */
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { ImportDialog } from './import-dialog';

const OpenImport = createContext<(file: File) => void>(() => {});

export function ImportDrop({ children }: { children: ComponentChildren }) {
  const [file, setFile] = useState<File>();
  const [isOver, setOver] = useState(false);
  useEffect(() => listenForFiles(setOver, setFile), []);
  return (
    <OpenImport.Provider value={setFile}>
      {children}
      {isOver && file === undefined && (
        <div class="drop-here" aria-hidden="true">
          <p>Drop the file to check it</p>
        </div>
      )}
      {file !== undefined && (
        <ImportDialog key={keyOf(file)} file={file} onClose={() => setFile(undefined)} />
      )}
    </OpenImport.Provider>
  );
}

/** Chooses a file where nothing can be dropped. */
export function ImportButton() {
  const open = useContext(OpenImport);
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        accept=".ndjson,.jsonl,.json,.csv,.tsv,.txt,.xlsx,.zip,.gz"
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          // So that the same file can be chosen again, after it was mended.
          event.currentTarget.value = '';
          if (file !== undefined) open(file);
        }}
      />
      <button type="button" class="primary" onClick={() => input.current?.click()}>
        Import a file
      </button>
    </>
  );
}

function listenForFiles(setOver: (isOver: boolean) => void, setFile: (file: File) => void): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const isFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
  window.addEventListener(
    'dragover',
    (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      setOver(true);
    },
    { signal },
  );
  window.addEventListener('dragleave', (event) => event.relatedTarget === null && setOver(false), { signal });
  window.addEventListener(
    'drop',
    (event) => {
      if (!isFile(event)) return;
      // The browser would leave the page and show the file.
      event.preventDefault();
      setOver(false);
      const [file] = event.dataTransfer?.files ?? [];
      if (file !== undefined) setFile(file);
    },
    { signal },
  );
  return () => stop.abort();
}

let lastKey = 0;
const keys = new WeakMap<File, number>();

/** Another file is another import, whatever its name. */
function keyOf(file: File): number {
  const key = keys.get(file) ?? ++lastKey;
  keys.set(file, key);
  return key;
}
