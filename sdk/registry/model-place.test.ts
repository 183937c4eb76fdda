import test from 'ava'
import { addressWith, modelPlace } from './model-place.ts'

test('an address says whether a model is a folder, a folder of a bucket, a registered model, or a round of a run', (t) => {
  const s3 = 's3://models/team/mnist-1?endpoint=http://127.0.0.1:9000'
  const encoded = 's3://models/team/mnist-1?endpoint=http%3A%2F%2F127.0.0.1%3A9000'
  const server = 'mlflow:http://127.0.0.1:5000'
  t.deepEqual(modelPlace('models/base'), { sort: 'files', path: 'models/base' })
  t.deepEqual(modelPlace('files:/a/b.npz'), { sort: 'files', path: '/a/b.npz' })
  t.deepEqual(modelPlace(s3), { sort: 's3', address: encoded })
  t.deepEqual(modelPlace(`${s3}&round=best&part=eu`), { sort: 's3', address: encoded, round: 'best', part: 'eu' })
  t.deepEqual(modelPlace('s3://models/a?round=12'), { sort: 's3', address: 's3://models/a', round: 12 })
  const model = { sort: 'mlflow-model', server, model: 'mnist-1' }
  t.deepEqual(modelPlace(`${server}?model=mnist-1`), { ...model, version: 'latest' })
  t.deepEqual(modelPlace(`${server}?model=mnist-1&version=3`), { ...model, version: '3' })
  t.deepEqual(modelPlace(`${server}?model=mnist-1&alias=best`), { ...model, version: 'best' })
  t.deepEqual(modelPlace(`${server}?run=0a1b&round=12`), { sort: 'mlflow-run', server, run: '0a1b', round: 12 })
})

test('an address that means no model, or several, is refused with the forms, and without credentials', (t) => {
  for (const given of [
    'files:',
    'gopher://x/y',
    's3://models/a?part=eu',
    's3://models/a?round=first',
    's3://models/a?round=1&round=2',
    'mlflow:http://h',
    'mlflow:http://h?run=1',
    'mlflow:http://h?round=1',
    'mlflow:http://h?run=1&round=x',
    'mlflow:http://h?model=a&round=1',
    'mlflow:http://h?model=a&version=1&alias=best',
    'mlflow:http://me:secret@h?model=a&version=-1',
  ]) {
    const error = t.throws(() => modelPlace(given), { code: 'REGISTRY_ADDRESS' }, given)
    t.false(`${error?.message} ${JSON.stringify(error)}`.includes('secret'))
  }
})

test('parameters that are added to an address are read again', (t) => {
  const address = addressWith('mlflow:http://h', { run: 'a b', round: 1, part: undefined })
  t.deepEqual(modelPlace(address), { sort: 'mlflow-run', server: 'mlflow:http://h', run: 'a b', round: 1 })
  t.is(addressWith('s3://b/a?region=x', { round: 2 }), 's3://b/a?region=x&round=2')
  t.is(addressWith('s3://b/a', {}), 's3://b/a')
})
