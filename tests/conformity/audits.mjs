// The audits of graphql-http, which ask whether a server keeps to GraphQL over HTTP.

import { auditServer } from 'graphql-http';
import { options, tell } from './telling.mjs';

const results = await auditServer({ url: options.url });
tell('result', { result: results.map(({ id, name, status, reason }) => ({ id, name, status, reason: reason ?? '' })) });
