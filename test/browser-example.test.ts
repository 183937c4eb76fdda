import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { build } from 'vite'
import { madeDigits, side } from '../examples/browser/design/code/trainer/made-digits.ts'
import digits from '../examples/browser/design/code/trainer/workload.ts'
import { inMemoryExamples } from '../sdk/index.ts'
import { runJob } from '../simulations/index.ts'
import { startChromium } from './support/chromium.ts'
import { pageJob, pageToken } from './support/page-job.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** The example as vite builds it, by paths of the site. */
async function builtExample(): Promise<Record<string, Uint8Array>> {
  await using folder = await temporaryFolder()
  await build({
    root: fileURLToPath(new URL('../../examples/browser/', import.meta.url)),
    logLevel: 'error',
    build: { outDir: folder.path },
  })
  const files: Record<string, Uint8Array> = {}
  for (const name of await readdir(folder.path, { recursive: true }))
    if (/\.\w+$/.test(name)) files[`/${name}`] = await readFile(join(folder.path, name))
  files['/'] = files['/index.html'] ?? new Uint8Array()
  return files
}

test('the example that vite builds trains on the drawings of its page, shows it, and keeps the drawings over a reload', async (t) => {
  const hyperparameters = { rounds: 2 }
  await using job = await pageJob({
    workload: digits,
    files: await builtExample(),
    placeOf: (end) => (end.startsWith('trainer') ? 'page' : undefined),
    datasetOf: () => 'drawings',
    hyperparameters,
  })
  await using browser = await startChromium()
  const page = await browser.open(job.site.address)
  await page.evaluate("localStorage.name = 'page'")
  for (let ten = 1; ten <= 5; ten++) {
    await page.click('#make')
    await page.getByText(`${10 * ten} drawings`).waitFor()
  }
  await page.reload()
  await page.getByText('50 drawings').waitFor()
  await page.fill('#token', pageToken)
  await page.click('#join')
  await page.getByText('job job-1 has completed').waitFor()
  await job.completed
  const log = await page.textContent('#log')
  t.regex(log ?? '', /round 1: loss \d\.\d+ on 50 drawings/)
  t.deepEqual(browser.complaints, [])
  // The page has made its drawings ten at a time.
  const made = [1, 11, 21, 31, 41].map((seed) => madeDigits({ seed, each: 1 }))
  const drawings = inMemoryExamples({
    features: Uint8Array.from(made.flatMap(({ features }) => [...features])),
    labels: Uint8Array.from(made.flatMap(({ labels }) => [...labels])),
    shape: [side, side, 1],
  })
  const inNode: typeof digits = {
    ...digits,
    data: async (...args) => ({ ...(await digits.data(...args)), client: () => drawings }),
  }
  const { result } = await runJob(inNode, { settings: hyperparameters })
  t.deepEqual(
    job.hashes,
    (await result).history.map(({ hash }) => hash),
  )
})
