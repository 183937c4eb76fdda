import { choicesOf, type Kind } from '../../../sdk/index.ts'
import { dataFolder } from '../series/installed.ts'
import { type Trained, trained } from '../series/trained.ts'

const module = new URL('./images.workload.js', import.meta.url)

export interface PicturesJob {
  readonly pictures: 'mnist' | 'fashion-mnist'
  readonly settings: Readonly<Record<string, string | number>>
  readonly seed: number
  /** Choices as `--set` takes them. */
  readonly choices: Readonly<Partial<Record<Kind, string>>>
}

/** Trains on MNIST or Fashion-MNIST, in threads. */
export async function onPictures({ pictures, settings, seed, choices }: PicturesJob): Promise<Trained> {
  const data = pictures === 'mnist' ? {} : { [pictures]: await dataFolder(pictures) }
  const algorithms = choicesOf(choices)
  return trained({ workload: module, settings: { ...settings, pictures }, seed, algorithms, data })
}
