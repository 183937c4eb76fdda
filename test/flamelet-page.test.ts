import test from 'ava'
import type { Page } from 'playwright-core'
import { runJob } from '../simulations/index.ts'
import { browserBundle, callInPage, emptyPage, startChromium } from './support/chromium.ts'
import drawn, { drawings } from './support/drawn.workload.ts'
import { type PageJobOptions, pageJob, pageToken } from './support/page-job.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const scripts = {
  '/': emptyPage,
  '/page.js': await browserBundle(new URL('./support/flamelet-page.js', import.meta.url)),
  '/worker.js': await browserBundle(new URL('./support/flamelet-page-worker.js', import.meta.url)),
}
/** Nothing may be made of text, and no script comes from elsewhere; WebAssembly is allowed. */
const headers = { 'content-security-policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" }

async function hashesInNode(settings: { readonly algorithm?: string } = {}): Promise<readonly string[]> {
  const run = await runJob(drawn, { settings })
  return (await run.result).history.map(({ hash }) => hash)
}

const start = (options: Partial<PageJobOptions> = {}) =>
  pageJob({ workload: drawn, files: scripts, placeOf: (end) => (end === 'trainer-1' ? 'page' : undefined), ...options })
/** Trainers in the page, the rest in this process. */
const onlyPages = (end: string) => (end.startsWith('trainer') ? 'page' : undefined)
const join = (page: Page, more: object = {}) =>
  callInPage(page, '/page.js', 'join', [{ token: pageToken, name: 'page', ...more }])
const newsOf = (page: Page) => callInPage(page, '/page.js', 'news')

const told = (page: Page, text: string) => callInPage(page, '/page.js', 'told', [text])

test.serial('a page and trainers in Node train the rounds with the hashes of one process', async (t) => {
  await using job = await start({ headers })
  await using browser = await startChromium()
  const page = await browser.open(job.site.address)
  await join(page, { realm: 'eu/west' })
  await job.completed
  t.deepEqual(job.hashes, await hashesInNode())
  t.like(job.registrations, [{ name: 'page', realm: 'eu/west', mostTasks: 1, datasets: [], hosted: [] }])
  await told(page, 'completed job-1 trainer-1')
  const news = await newsOf(page)
  t.true(Array.isArray(news) && news.includes('connection open') && news.includes('training job-1 trainer-1 1'))
  t.deepEqual(browser.complaints, [])
})

test.serial(
  'a page that is reloaded in the middle of a round goes on from its state, to the same hashes',
  async (t) => {
    // A client of SCAFFOLD that has lost its control variate would train to other hashes.
    const hyperparameters = { algorithm: 'scaffold' }
    await using job = await start({ hyperparameters })
    await using browser = await startChromium()
    const page = await browser.open(job.site.address)
    await callInPage(page, '/page.js', 'hold', [3])
    await join(page)
    await told(page, 'training job-1 trainer-1 3')
    t.is(job.hashes.length, 2)
    await page.reload()
    await join(page)
    await job.completed
    t.deepEqual(job.hashes, await hashesInNode(hyperparameters))
    t.is(job.registrations.length, 2)
    t.deepEqual(browser.complaints, [])
  },
)

test.serial('a page whose browser is killed in the middle of a round goes on after another start of it', async (t) => {
  await using profile = await temporaryFolder()
  await using job = await start()
  await using killed = await startChromium(profile.path)
  const first = await killed.open(job.site.address)
  await callInPage(first, '/page.js', 'hold', [2])
  await join(first)
  await told(first, 'training job-1 trainer-1 2')
  await killed.kill()
  await using browser = await startChromium(profile.path)
  await join(await browser.open(job.site.address))
  await job.completed
  t.deepEqual(job.hashes, await hashesInNode())
})

test.serial('a hidden page, and one that loses its connection for a while, take part to the same hashes', async (t) => {
  await using job = await start()
  await using browser = await startChromium()
  const page = await browser.open(job.site.address)
  await callInPage(page, '/page.js', 'hold', [2])
  await join(page)
  await told(page, 'training job-1 trainer-1 2')
  const connect = job.cut()
  await told(page, 'connection connecting')
  // The round is trained without a connection, while another page hides this one.
  await callInPage(page, '/page.js', 'hold')
  await told(page, 'trained job-1 trainer-1 2')
  const front = await browser.open(job.site.address)
  await front.bringToFront()
  connect()
  await job.completed
  t.deepEqual(job.hashes, await hashesInNode())
  t.is(job.registrations.length, 1)
})

test.serial('a page trains on its own data, by the names of datasets, and stays responsive', async (t) => {
  await using job = await start({ datasetOf: (client) => `drawings-${client}`, placeOf: onlyPages })
  await using browser = await startChromium()
  const page = await browser.open(job.site.address)
  const dataOf = (client: number) => {
    const { features, labels, shape } = drawings(client)
    return { features: [...features], labels: [...labels], shape, divisor: 255 }
  }
  const datasets = { 'drawings-0': dataOf(0), 'drawings-1': dataOf(1), '*': dataOf(2) }
  await join(page, { datasets })
  await job.completed
  t.deepEqual(job.hashes, await hashesInNode())
  t.deepEqual(
    job.registrations[0]?.datasets.map(({ name }) => name),
    Object.keys(datasets),
  )
  t.true(Number(await callInPage(page, '/page.js', 'ownTurns')) > 10)
})

test.serial('tasks on data that a page lacks are refused with a cause', async (t) => {
  await using job = await start()
  await using browser = await startChromium()
  const page = await browser.open(job.site.address)
  await join(page, { datasets: { mine: { features: [1], labels: [0], shape: [1] } } })
  t.like(await job.refused, { code: 'PAGE_DATASET', values: { dataset: '1', has: 'mine' } })
  await told(page, 'PAGE_DATASET')
})

test.serial(
  'of two pages with one name the second waits, and takes the place of the first when that one leaves',
  async (t) => {
    await using job = await start()
    await using browser = await startChromium()
    const first = await browser.open(job.site.address)
    await callInPage(first, '/page.js', 'hold', [2])
    await join(first)
    await told(first, 'training job-1 trainer-1 2')
    const second = await browser.open(job.site.address)
    await join(second)
    await told(second, 'connection waiting')
    await callInPage(first, '/page.js', 'leave')
    t.true(String(await newsOf(first)).endsWith('ended'))
    await callInPage(first, '/page.js', 'hold')
    await job.completed
    t.deepEqual(job.hashes, await hashesInNode())
    t.is(job.registrations.length, 2)
  },
)

test.serial('a page with another token is refused, and says why', async (t) => {
  await using job = await start()
  await using browser = await startChromium()
  const page = await browser.open(job.site.address)
  await join(page, { token: 'none of the server' })
  await told(page, 'connection refused LINK_TOKEN')
  await told(page, 'ended')
  t.is(job.registrations.length, 0)
})
