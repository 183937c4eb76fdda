import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { build, createServer } from 'vite'
import { madeDigits, side } from '../examples/browser/design/code/trainer/made-digits.ts'
import digits from '../examples/browser/design/code/trainer/workload.ts'
import { inMemoryExamples } from '../sdk/index.ts'
import { runJob } from '../simulations/index.ts'
import { startChromium } from './support/chromium.ts'
import { flamectlUp } from './support/flamectl-up.ts'
import { pageJob, pageToken } from './support/page-job.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const example = fileURLToPath(new URL('../../examples/browser/', import.meta.url))

/** The example as vite builds it, by paths of the site. */
async function builtExample(): Promise<Record<string, Uint8Array>> {
  await using folder = await temporaryFolder()
  await build({
    root: example,
    logLevel: 'error',
    build: { outDir: folder.path },
  })
  const files: Record<string, Uint8Array> = {}
  for (const name of await readdir(folder.path, { recursive: true }))
    if (/\.\w+$/.test(name)) files[`/${name}`] = await readFile(join(folder.path, name))
  files['/'] = files['/index.html'] ?? new Uint8Array()
  return files
}

test.serial(
  'the example that vite builds trains on the drawings of its page, shows it, and keeps the drawings over a reload',
  async (t) => {
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
  },
)

test.serial(
  'the example joins flamectl up through the server of vite, as its README says, and its job completes',
  async (t) => {
    await using folder = await temporaryFolder()
    await using up = await flamectlUp(join(folder.path, 'store'))
    const vite = await createServer({
      root: example,
      cacheDir: join(folder.path, 'vite'),
      logLevel: 'error',
      server: { host: '127.0.0.1', port: 0, proxy: { '/link': { target: up.url, ws: true } } },
    })
    await vite.listen()
    // Closed after the browser: a connection of a page through the proxy would hold the server.
    await using serving = { [Symbol.asyncDispose]: () => vite.close() }
    await using browser = await startChromium()
    t.truthy(serving)
    const page = await browser.open(vite.resolvedUrls?.local[0] ?? '')
    await page.getByText('0 drawings').waitFor()
    await page.click('#make')
    await page.getByText('10 drawings').waitFor()
    await page.click('#join')
    await page.getByText('waiting for a task').waitFor()
    const command = async (...args: readonly string[]) => {
      const { status, out, err } = await up.command(...args)
      t.is(status, 0, err)
      return out.trim()
    }
    const design = join(example, 'design')
    await command('create', 'design', 'digits')
    await command('create', 'schema', 'digits', join(design, 'schema.json'))
    await command('create', 'code', 'digits', join(design, 'code'))
    await command('create', 'dataset', join(design, 'dataset.json'))
    const job = await command('create', 'job', join(design, 'job.json'), '-o', 'name')
    await command('start', 'job', job)
    await page.getByText(/round 10: loss \d\.\d+ on 10 drawings/).waitFor()
    // The server may take the task back before the page knows that the task is done.
    await page
      .getByText(new RegExp(`job ${job} has completed|waiting for a task`))
      .first()
      .waitFor()
    while (!/"state": "completed"/.test(await command('get', 'jobs', '-o', 'json')));
  },
)
