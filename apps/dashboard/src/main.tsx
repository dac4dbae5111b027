/** Starts the page. */
import { render } from 'preact';
import { App } from './app';
import './style/tokens.css';
import './style/base.css';
import './style/notices.css';
import './style/controls.css';
import './style/errors.css';
import './style/shell.css';
import './style/jobs.css';
import './style/job.css';
import './style/profile.css';
import './style/properties.css';
import './style/import.css';

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
