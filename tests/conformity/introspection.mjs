// What GraphiQL and code generators ask first: the whole schema. Result: the names of its types, or the errors.

import { buildClientSchema, getIntrospectionQuery } from 'graphql';
import { options, tell } from './telling.mjs';

const query = getIntrospectionQuery({
  descriptions: true,
  directiveIsRepeatable: true,
  inputValueDeprecation: true,
  oneOf: true,
  schemaDescription: true,
  specifiedByUrl: true,
});
const response = await fetch(options.url, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query }),
});
const { data, errors } = await response.json();
tell('result', { result: errors ? { errors } : Object.keys(buildClientSchema(data).getTypeMap()) });
