// The page: GraphiQL against the gateway that serves it. Log in with a mutation, then put
// {"Authorization": "Bearer <access token>"} into the editor of headers; subscriptions take it from there too.

import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { createRoot } from 'react-dom/client';
import './page.css';

const workers = { graphql: 'graphql', json: 'json' };
globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(new URL(`${workers[label] ?? 'editor'}.worker.js`, import.meta.url)),
};

const url = new URL('/graphql', location.href);
const subscriptionUrl = new URL(url);
subscriptionUrl.protocol = url.protocol.replace('http', 'ws');

const START = `# Everything but this needs a log-in:
query Shape {
  __schema {
    queryType {
      fields { name description }
    }
  }
}

mutation LogIn {
  login(input: { email: "", password: "" }) {
    tokens { accessToken expiresAt }
    userErrors { code message }
  }
}
`;

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL
    fetcher={createGraphiQLFetcher({ url: url.href, subscriptionUrl: subscriptionUrl.href })}
    defaultQuery={START}
    defaultHeaders={'{\n  "Authorization": "Bearer "\n}'}
    shouldPersistHeaders={false}
  />,
);
