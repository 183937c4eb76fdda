import test from 'ava'
import { registryAgain, registryError } from './errors.ts'

test('an error says whether another try may help', (t) => {
  const location = 'memory'
  t.is(registryAgain(registryError('REGISTRY_LOST', { location })), 'itself')
  t.is(registryAgain(registryError('REGISTRY_CREDENTIALS', { location })), 'mended')
  t.is(registryAgain(registryError('REGISTRY_DAMAGED', { location })), 'no')
  t.is(registryAgain(new Error('REGISTRY_LOST')), 'no')
})
