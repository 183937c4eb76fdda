import { type CollectorSettings, collector } from './collector.ts'
import type { Examples } from './examples.ts'

export interface Example {
  /** Unsigned bytes stay bytes until they are read; other numbers become float32. */
  readonly features: ArrayLike<number>
  /** A class from 0, or a target value. */
  readonly label: number
}

export interface CollectSettings extends CollectorSettings {
  /** Name for messages. Default `the stream`. */
  readonly source?: string
}

/**
 * Examples of any iterable, such as rows of a database or pictures as they are decoded. All of them are held in memory:
 * four bytes a feature, one if the features come as Uint8Array, and eight a label, `maxBytes` together at most.
 *
 * @throws DATA_STREAM_BOUND as soon as an example doesn't fit, the rest is then not asked for; DATA_STREAM_ROW when
 *   an example has other features than the shape says; DATA_DIVISOR; and what the iterable throws.
 */
export async function collectExamples(
  examples: AsyncIterable<Example> | Iterable<Example>,
  { source = 'the stream', ...settings }: CollectSettings,
): Promise<Examples> {
  const collected = collector(settings, source)
  for await (const { features, label } of examples) collected.add(features, label)
  return collected.examples()
}
