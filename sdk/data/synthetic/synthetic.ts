import { normal } from '../../random/distributions.ts'
import { type RandomStream, randomStream } from '../../random/random-stream.ts'
import { dataError } from '../errors.ts'
import type { Examples, FederatedData } from '../examples.ts'
import { join } from '../in-memory-examples.ts'
import { clientSeed } from '../partition/draws.ts'
import { checkClient, checkClients } from '../partition/parts.ts'
import { type SizeDraw, type Sizes, sizesOf } from '../partition/sizes.ts'

/** Choices that all generators of data have. */
export interface SyntheticRequest {
  readonly clients: number
  /** The stream that a workload's `data` is given. One number of it is the seed of all clients' streams. */
  readonly random: RandomStream
  /** `Sizes`: how many examples each client has. Each generator has its own default. */
  readonly samples?: Sizes | (string & {}) | undefined
}

/** Makes `count` examples by a stream. */
export type ExampleSource = (count: number, stream: RandomStream) => Examples

interface Generator {
  /** Draws the number of a client's examples, unless the request says how. */
  readonly usualSize: SizeDraw
  sourceOf(seed: number, client: number): ExampleSource
  /** Default: `sourceOf`. */
  testSourceOf?(seed: number, client: number): ExampleSource
  readonly label?: (seed: number, client: number) => number
}

/** Clients with further examples in the test set, and how many of each. */
const testClients = 100
const testSamples = 20

/** A job's data from a generator, whose numbers of examples are known without the examples. */
export type SyntheticData = FederatedData & Required<Pick<FederatedData, 'samples'>>

/**
 * A job's data from a generator: a client's examples are made when they are asked for, from streams of the seed and the
 * client alone. The test set has 20 further examples of each of the first 100 clients.
 *
 * @throws DATA_CLIENTS, DATA_SIZES; the functions of the result DATA_CLIENT.
 */
export function synthetic({ clients, random, samples }: SyntheticRequest, generator: Generator): SyntheticData {
  checkClients(clients)
  const size = samples === undefined ? generator.usualSize : sizesOf(samples)
  const seed = clientSeed(random)
  const { label } = generator
  const samplesOf = (client: number) => {
    checkClient(client, clients)
    return size(randomStream(seed, 'samples', client))
  }
  const testOf = (client: number) => {
    const source = generator.testSourceOf?.(seed, client) ?? generator.sourceOf(seed, client)
    return source(testSamples, randomStream(seed, 'test', client))
  }
  return {
    clients,
    samples: samplesOf,
    client: (client) => generator.sourceOf(seed, client)(samplesOf(client), randomStream(seed, 'examples', client)),
    ...(label && {
      label(client: number) {
        checkClient(client, clients)
        return label(seed, client)
      },
    }),
    test: () => join(Array.from({ length: Math.min(clients, testClients) }, (_, client) => testOf(client))),
  }
}

/** `count` draws from the normal distribution with a mean and a deviation. */
export function normals(random: RandomStream, count: number, mean = 0, deviation = 1): Float64Array {
  const values = new Float64Array(count)
  for (let index = 0; index < count; index++) values[index] = mean + deviation * normal(random)
  return values
}

/** @throws DATA_SETTING for a number that isn't finite, or is less. */
export function checkFrom(name: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return
  throw dataError('DATA_SETTING', { name, expected: `a finite number from ${least}`, came: value })
}

/** @throws DATA_SETTING for a number that isn't an integer, or is less. */
export function checkCount(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return
  throw dataError('DATA_SETTING', { name, expected: `an integer from ${least}`, came: value })
}
