import { learnError } from './errors.ts'

/** Names under which TensorFlow.js makes and loads layers and tensors. */
const loadable = /^[A-Za-z0-9][-A-Za-z0-9._/]*$/

/** LEARN_LAYER_NAME for a name under which TensorFlow.js can't load a layer. */
export function requireLayerName(name: string): void {
  if (!loadable.test(name)) throw learnError('LEARN_LAYER_NAME', { name, fault: 'has characters that it may not have' })
}

/** LEARN_LAYER_NAME for a name that can't be loaded, or that two layers or two of the tensors have. */
export function requireLoadableNames(layers: readonly string[], tensors: readonly string[]): void {
  for (const name of layers) requireLayerName(name)
  for (const names of [layers, tensors]) {
    const twin = twinAmong(names)
    if (twin === undefined) continue
    const what = names === layers ? 'layers' : 'tensors'
    throw learnError('LEARN_LAYER_NAME', { name: twin, fault: `is that of two ${what}` })
  }
}

/** The first name that comes twice. */
export function twinAmong(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) < index)
}
