import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'
import type { Suite } from './figure.ts'

const door = fileURLToPath(new URL('../flamelet/browser/index.js', import.meta.url))
const worker = 'virtual:worker'

/** The bundle of a flamelet in a page. */
export interface PageBundle {
  /** Bytes after minification and gzip. */
  readonly gzipBytes: number
  /** Modules in the bundle, with their characters before minification, the largest first. */
  readonly modules: readonly (readonly [path: string, characters: number])[]
}

/**
 * Bundles the built flamelet for a page, as vite does for an application, without a workload: engine and TensorFlow.js come with
 * that. Chunks that only some pages load are left out: aggregators, the catalogue of algorithms, the check of determinism.
 */
export async function pageBundle(): Promise<PageBundle> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'worker',
        resolveId: (id) => (id === worker ? id : undefined),
        load: (id) =>
          id === worker
            ? `import { serveFlamelet } from ${JSON.stringify(door)}\nserveFlamelet(globalThis.given)`
            : undefined,
      },
    ],
    build: { write: false, modulePreload: false, rolldownOptions: { input: worker } },
  })
  if (!('output' in built)) throw new Error('vite has built more than one bundle')
  const chunks = new Map(
    built.output.flatMap((output): [string, Rolldown.OutputChunk][] =>
      output.type === 'chunk' ? [[output.fileName, output]] : [],
    ),
  )
  const loaded = new Set([...chunks.values()].filter(({ isEntry }) => isEntry))
  for (const { imports } of loaded)
    for (const name of imports) {
      const chunk = chunks.get(name)
      if (chunk) loaded.add(chunk)
    }
  const modules = [...loaded].flatMap((chunk) =>
    Object.entries(chunk.modules).map(([path, { renderedLength }]) => [path, renderedLength] as const),
  )
  return {
    gzipBytes: [...loaded].reduce((sum, { code }) => sum + gzipSync(code).length, 0),
    modules: modules.filter(([, length]) => length > 0).toSorted(([, a], [, b]) => b - a),
  }
}

/** `link.page`: the size of a page's flamelet. */
export const pageSuite: Suite = async (report) => {
  report({ figure: 'link.page', unit: 'KB gzip', value: (await pageBundle()).gzipBytes / 1000 })
}
