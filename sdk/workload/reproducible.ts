import { datasetsOf, type GivenDatasets } from '../data/datasets.ts'
import { type Examples, type FederatedData, testExamplesOf } from '../data/examples.ts'
import { randomStream } from '../random/random-stream.ts'
import type { Settings } from '../role/role.ts'
import { sizeOf } from '../weights/layout.ts'
import { differenceOf } from './difference.ts'
import { workloadError } from './errors.ts'
import type { Workload } from './workload.ts'

/** Most clients, and most labels in all, that are compared. A fleet's whole data would take as long as a job. */
const most = { clients: 1_000, labels: 1_000_000 }

/**
 * Makes a workload's topology, strategy and data twice and compares them, since every process and thread of a job makes
 * its own.
 *
 * @throws WORKLOAD_NOT_REPRODUCIBLE naming the first part that differs, and the location of the difference.
 */
export async function requireReproducible<S extends Settings>(
  workload: Workload<S>,
  settings: S,
  seed: number,
  datasets?: GivenDatasets,
): Promise<void> {
  const stream = () => randomStream(seed, 'partition')
  requireSame('topology', workload.topology(settings), workload.topology(settings))
  requireSame('strategy', plain(workload.strategy(settings)), plain(workload.strategy(settings)))
  const summary = async () => summaryOf(await workload.data(settings, stream(), datasetsOf(datasets)))
  requireSame('data', await summary(), await summary())
}

/** @throws WORKLOAD_NOT_REPRODUCIBLE where the two values differ. */
export function requireSame(what: string, first: unknown, second: unknown): void {
  const difference = differenceOf(first, second, what)
  if (difference !== undefined) throw workloadError('WORKLOAD_NOT_REPRODUCIBLE', { what, difference })
}

/** The first clients, within the bounds of `most`. */
export async function* boundedClients(
  data: FederatedData,
): AsyncGenerator<readonly [client: number, examples: Examples]> {
  let labels = 0
  for (let client = 0; client < Math.min(data.clients, most.clients) && labels < most.labels; client++) {
    const examples = await data.client(client)
    labels += examples.count
    yield [client, examples]
  }
}

/** Drops functions, which differ each time. */
function plain(value: object): object {
  return Object.fromEntries(
    Object.entries(value).filter(([, part]) => typeof part !== 'function' && !hasFunctions(part)),
  )
}

function hasFunctions(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).some((part) => typeof part === 'function')
}

async function summaryOf(data: FederatedData) {
  const client: ReturnType<typeof partOf>[] = []
  for await (const [, examples] of boundedClients(data)) client.push(partOf(examples))
  const { root } = data
  return {
    clients: data.clients,
    client,
    test: partOf(await testExamplesOf(data)),
    root: root && partOf(typeof root === 'function' ? await root() : root),
  }
}

/** Labels, and the features and the target of the first example. */
function partOf(examples: Examples) {
  const { count, shape, targets } = examples
  const features = new Float32Array(sizeOf(shape))
  const target = new Float32Array(targets ? sizeOf(targets.shape) : 0)
  if (count > 0) {
    examples.read(0, features, 0)
    targets?.read(0, target, 0)
  }
  const length = Math.min(count, most.labels)
  return { count, shape, labels: Float64Array.from({ length }, (_, index) => examples.label(index)), features, target }
}
