import { type Choices, choicesOf, type Kind } from '../../../sdk/index.ts'
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
  const algorithms: Choices = choicesOf(choices)
  const data = pictures === 'mnist' ? {} : { data: { [pictures]: await dataFolder(pictures) } }
  return trained({ workload: module, settings: { ...settings, pictures }, seed, algorithms, ...data })
}
