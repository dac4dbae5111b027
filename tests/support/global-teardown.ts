/** After all tests. */
import { stopServers } from './global-setup';

export default stopServers;
